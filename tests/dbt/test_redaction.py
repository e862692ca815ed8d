"""Redaction: what a rule names is blotted out, what is no number stays, and the gate finds nothing."""

import random
from datetime import date
from pathlib import Path

import duckdb
import pytest

from creditlake.gate.patterns import add_personal_macros
from creditlake.identifiers import resident_check_char
from tests.dbt.city import City, record_id
from tests.dbt.conftest import TODAY, PartialRun

PENALTY = "market_regulation.penalty_decision"
ID, PHONE, CARD = "（证件号码已遮盖）", "（电话已遮盖）", "（账号已遮盖）"
EXAMPLES = {
    "当事人持990001199001010013的证件": f"当事人持{ID}的证件",
    "身份证990001199001010014有误": "身份证990001199001010014有误",  # fails its own check
    "旧证990001900101001": f"旧证{ID}",
    "联系13800138000，或13900139001": f"联系{PHONE}，或{PHONE}",
    "电话138-0013-8000": f"电话{PHONE}",
    "电话１３８００１３８０００": f"电话{PHONE}",
    "账号6222 0200 0000 0000 000": f"账号{CARD}",
    "账号6222020000000000001": "账号6222020000000000001",  # fails its own check
    "２０２６年１１月１７日罚款２０００元": "２０２６年１１月１７日罚款２０００元",  # not folded
    "市监罚〔2026〕22345678901号": "市监罚〔2026〕22345678901号",
    "统一社会信用代码91990001MA0000001X": "统一社会信用代码91990001MA0000001X",
    "没有号码的文字": "没有号码的文字",
}


def random_texts(count: int) -> list[str]:
    """Return texts with valid and invalid numbers, written together, grouped and in full width."""
    draw = random.Random(20261117)
    texts = []
    for _ in range(count):
        born = date(1950, 1, 1).toordinal() + draw.randrange(20000)
        body = f"9900{draw.randrange(100):02d}{date.fromordinal(born):%Y%m%d}{draw.randrange(1000):03d}"
        numbers = [
            body + resident_check_char(body),
            body[:6] + body[8:],
            f"1{draw.randrange(3, 10)}{draw.randrange(10**9):09d}",
            f"86{draw.randrange(13, 20)}{draw.randrange(10**9):09d}",
            f"62{draw.randrange(10**14):014d}",
            f"6222{draw.randrange(10**15):015d}",
            f"{draw.randrange(10**17, 10**18)}",
        ]
        parts = draw.sample(numbers, 2)
        if draw.random() < 0.3:
            parts[0] = " ".join(parts[0][i : i + 4] for i in range(0, len(parts[0]), 4))
        text = draw.choice(["", "，", "a", "号", " "]).join(parts)
        if draw.random() < 0.2:
            text = text.translate(str.maketrans("0123456789X", "０１２３４５６７８９Ｘ"))
        texts.append(f"当事人{text}{draw.choice(['元', '', 'x', '。'])}")
    return texts


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> PartialRun:
    """Every text as the facts of one published penalty."""
    city = City(tmp_path_factory.mktemp("city"))
    city.subject("L1", "某某公司", uscc="91990001MA0000001X")
    texts = [*EXAMPLES, *random_texts(3000)]
    plain = {"_link": "L1", "severity": "GENERAL"}
    rows = [{"key": str(i), "violation_facts": text} | plain for i, text in enumerate(texts)]
    city.deliver(PENALTY, TODAY, *rows)
    return PartialRun(city, TODAY, ["+pub_penalty"])


def public_texts(run: PartialRun) -> dict[str, str]:
    rows = run.rows("select record_id, violation_facts from public.pub_penalty")
    return {row["record_id"]: row["violation_facts"] for row in rows}


def test_examples_are_redacted_as_the_rules_say(run: PartialRun) -> None:
    found = public_texts(run)
    shown = {text: found[record_id(PENALTY, str(number))] for number, text in enumerate(EXAMPLES)}
    assert shown == EXAMPLES


def test_the_gate_finds_no_personal_number_in_any_redacted_text(run: PartialRun) -> None:
    path = Path(run.folder / "tables" / "public.pub_penalty.parquet")
    with duckdb.connect() as connection:
        add_personal_macros(connection)
        query = "select count(*), count(personal_kind({})) from {}"
        before = connection.execute(
            query.format("violation_facts", f"(select unnest({random_texts(3000)!r}) as violation_facts)")
        ).fetchone()
        after = connection.execute(query.format("violation_facts", f"read_parquet('{path}')")).fetchone()
    assert before is not None
    assert before[1] > 1000
    assert after == (3000 + len(EXAMPLES), 0)


def test_redacted_fields_are_those_that_changed(run: PartialRun) -> None:
    rows = run.rows("select distinct dataset, field from intermediate.int_texts__redacted")
    assert rows == [{"dataset": PENALTY, "field": "violation_facts"}]
