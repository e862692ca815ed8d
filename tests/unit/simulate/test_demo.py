"""The four days of the demo: what is planted, and nothing else."""

import csv
import json
from datetime import date
from pathlib import Path

import pytest

from tests.cities import (
    DEFAULTERS,
    LEGAL,
    PENALTIES,
    REPAIRS,
    SIZE,
    Delivered,
    read_rows,
)


def test_demo_plants_exactly_these_events(demo: tuple[Path, dict[str, Path]]) -> None:
    folder, events = demo
    assert {name: str(path.relative_to(folder / "inbox_by_day")) for name, path in events.items()} == {
        "delivered_twice": "2026-11-17/market_regulation/cf_20261117_02.csv",
        "truncated": "2026-11-18/market_regulation/cf_20261118_01.csv",
        "wrong_encoding": "2026-11-18/tax/tax_a_20261118.csv",
        "short_register": "2026-11-18/market_regulation/reg_entity_20261118.csv",
        "flood": "2026-11-19/court/sxbzxr_20261119_02.jsonl",
    }
    planted = json.loads((folder / "scenario.json").read_text(encoding="utf-8"))
    assert {entry["event"] for entry in planted} == set(events)


def test_second_copy_has_the_same_bytes_and_a_later_time(demo: tuple[Path, dict[str, Path]]) -> None:
    again = demo[1]["delivered_twice"]
    first = again.with_name("cf_20261117_01.csv")
    assert again.read_bytes() == first.read_bytes()
    assert again.stat().st_mtime > first.stat().st_mtime


def test_truncated_file_ends_within_a_row_and_decodes(demo: tuple[Path, dict[str, Path]]) -> None:
    text = demo[1]["truncated"].read_bytes().decode("gb18030")
    last = text.rsplit("\r\n", 1)[1]
    assert last
    assert len(next(csv.reader([last]))) < 34


def test_misencoded_list_is_no_utf8_but_says_the_same(demo: tuple[Path, dict[str, Path]]) -> None:
    path = demo[1]["wrong_encoding"]
    with pytest.raises(UnicodeDecodeError):
        path.read_bytes().decode("utf-8")
    good = path.parents[2] / "2026-11-16" / "tax" / "tax_a_20261116.csv"
    assert path.read_bytes().decode("gb18030") == good.read_bytes().decode("utf-8-sig")


def test_short_register_has_a_tenth_of_the_rows(demo: tuple[Path, dict[str, Path]]) -> None:
    rows = read_rows(demo[1]["short_register"], LEGAL)
    assert len(rows) == SIZE["legal"] // 10


def test_flood_triples_the_defaulters_with_undamaged_persons_and_organisations(
    demo: tuple[Path, dict[str, Path]], demo_city: Delivered
) -> None:
    name = demo[1]["flood"].name
    flood = [t for t in demo_city.truth if t["file"] == name]
    others = [t for t in demo_city.truth if t["dataset"] == DEFAULTERS and t["file"] != name]
    new = [t for t in others if t["row_kind"] == "new"]
    assert len(flood) == 2 * len(new)
    assert {t["noise"] for t in flood} == {"none"}
    assert {t["subject_kind"] for t in flood} == {"legal", "natural"}
    assert not {t["record"] for t in flood} & {t["record"] for t in others}


def test_nothing_on_day_four_refers_to_a_penalty_of_the_truncated_file(demo_city: Delivered) -> None:
    city = demo_city
    lost = {t["record"] for t in city.truth if t["file"] == "cf_20261118_01.csv" and t["row_kind"] == "new"}
    later = {
        t["record"]
        for t in city.truth
        if t["dataset"] in (PENALTIES, REPAIRS) and t["delivered_date"].date() == date(2026, 11, 19)
    }
    assert lost
    assert not lost & later
