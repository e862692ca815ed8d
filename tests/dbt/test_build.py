"""The build: from records and links to the candidate's tables."""

from collections.abc import Callable
from datetime import date

from tests.dbt.city import City

PENALTY = "market_regulation.penalty_decision"
FIRST, SECOND = date(2026, 11, 16), date(2026, 11, 17)


def test_a_city_without_any_delivery_has_every_table_and_no_row(build: Callable) -> None:
    built = build()
    assert built.candidate.status == "ok", [m for m in built.candidate.models if m.status != "success"]
    assert {name: table.rows for name, table in built.candidate.tables.items()} == dict.fromkeys(
        [
            "archive_legal_entities",
            "archive_natural_persons",
            "defects",
            "ledger",
            "ledger_publication",
            "pub_licence",
            "pub_list_current",
            "pub_penalty",
            "pub_subject",
            "records_index",
        ],
        0,
    )
    assert built.broken_tests == set()


def test_an_exactly_linked_penalty_is_published_with_its_rule(city: City, build: Callable) -> None:
    city.subject("L1", "某某公司", uscc="91990001MA00000001")
    city.deliver(PENALTY, FIRST, {"key": "a", "_link": "L1", "severity": "GENERAL"})
    built = build()
    assert built.rows("select subject_id, rule_id, publication_end_date from pub_penalty") == [
        {"subject_id": "L1", "rule_id": "R2026-GENERAL", "publication_end_date": date(2027, 11, 2)}
    ]
