"""The page of a group in review: everything a reviewer needs, and nothing that may not be seen."""

import re
from datetime import date
from pathlib import Path

import pytest

from creditlake.storage import ObjectMissing
from tests.review_desk import (
    BUILD,
    DAY,
    PARTIES,
    PENALTIES,
    PERSON,
    Desk,
    doubtful,
    open_desk,
    penalty,
)
from tests.samples import make_uscc


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return open_desk(tmp_path, monkeypatch)


def test_a_page_shows_what_was_delivered_whom_it_may_mean_and_what_is_against(desk: Desk) -> None:
    number = PARTIES["conflict"]

    code, said = desk.run("review", "page", number, "--out", str(desk.folder / "pages"))

    path = desk.folder / "pages" / f"review_{number}.html"
    assert (code, said) == (0, f"{path}\n")
    text = " ".join(re.sub(r"<style>.*</style>|<[^>]+>", " ", path.read_text(), flags=re.DOTALL).split())
    for part in (
        f"复核编号 {number} 待人工复核 共 2 条记录 构建 {BUILD} 疑点：号码属于一个主体，名称属于另一个主体",
        "报送内容 当事人类别 法人及非法人组织 名称 远水建材 名称（比较形式） 远水建材 法定代表人",
        f"统一社会信用代码 {make_uscc(1)} {make_uscc(1)} 校验通过 L1 可能的主体",
        "L1 云山商贸 企业 990001 统一社会信用代码 名称不符 可供选择",
        "L2 远水建材 企业 990001 不持有所报号码 名称不符 可供选择 适用规则",  # names is empty here
        "name_code_conflict.LEGAL 号码属于一个主体，名称属于另一个主体。 可能误导：",
        "以往决定 无。 涉及记录",
    ):
        assert part in text, text
    assert text.count("2026-11-17") == 2


def test_a_page_masks_documents_and_escapes_what_departments_wrote(desk: Desk) -> None:
    desk.city.deliver(
        PENALTIES, DAY,
        penalty("x", doubtful("late", "L1"), date(2026, 11, 1), name="<script>alert(1)</script>"),
    )  # fmt: skip
    desk.city.link("20261117-02")

    for party in ("person", "late"):
        desk.run("review", "page", PARTIES[party], "--out", str(desk.folder))

    person, late = (
        (desk.folder / f"review_{PARTIES[party]}.html").read_text() for party in ("person", "late")
    )
    assert PERSON not in person
    assert f"{PERSON[:6]}********{PERSON[-4:]}" in person
    assert "<script>" not in late


def test_a_page_of_an_unknown_number_says_where_to_find_it(desk: Desk) -> None:
    with pytest.raises(ObjectMissing, match="no doubtful or judged record of 复核编号 0000: copy it whole"):
        desk.run("review", "page", "0000")
