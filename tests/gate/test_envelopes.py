"""Envelopes: a list that triples waits for a person, and the report says for whom."""

import pytest

from creditlake.gate.declaration import read_rules
from creditlake.gate.envelopes import TableEnvelope, check_envelope

ROWS = {
    "min_ratio": 0.5,
    "max_ratio": 2.0,
    "owner": "credit_office",
    "owner_zh": "市信用办",
    "why": "All lists.",
}
SEVERE = {
    "min_ratio": 0.8,
    "max_ratio": 1.5,
    "slack_rows": 10,
    "owner": "court",
    "owner_zh": "市中级人民法院执行局",
    "why": "Ask the court.",
}
RULES = TableEnvelope.model_validate({"rows": ROWS, "by": "list_code", "groups": {"SEVERE": SEVERE}})


@pytest.mark.parametrize(("before", "after"), [(100, 160), (100, 70), (0, 10), (10, 0), (100, 100)])
def test_within_its_bounds_a_group_may_move(before: int, after: int) -> None:
    assert check_envelope("lists", RULES, {None: 1000, "SEVERE": before}, {None: 1000, "SEVERE": after}) == []


@pytest.mark.parametrize(("before", "after", "limit"), [(100, 161, 160), (100, 69, 70), (0, 11, 10)])
def test_beyond_its_bounds_a_group_holds_the_release(before: int, after: int, limit: int) -> None:
    (finding,) = check_envelope("lists", RULES, {None: 1000, "SEVERE": before}, {None: 1000, "SEVERE": after})

    assert (finding.name, finding.severity, finding.observed, finding.limit) == (
        "lists [SEVERE]",
        "hold",
        after,
        limit,
    )
    assert finding.approvable


def test_a_group_that_vanished_or_is_new_counts_from_nothing() -> None:
    vanished = check_envelope("lists", RULES, {None: 1000, "SEVERE": 100}, {None: 1000})
    new = check_envelope("lists", RULES, {None: 1000}, {None: 1000, "SEVERE": 100})

    assert [f.observed for f in vanished] == [0]
    assert [f.observed for f in new] == [100]


def test_the_whole_table_has_bounds_of_its_own() -> None:
    (finding,) = check_envelope("lists", RULES, {None: 100}, {None: 201})

    assert finding.name == "lists"


def test_the_report_says_what_happened_and_whom_to_ask() -> None:
    (finding,) = check_envelope("lists", RULES, {None: 1000, "SEVERE": 100}, {None: 1000, "SEVERE": 300})

    assert finding.message == (
        "lists [SEVERE]: 100 rows in the published release, 300 in the candidate; "
        "allowed 70 to 160. Ask the court."
    )
    assert finding.message_zh == (
        "lists [SEVERE]：已发布 100 行，本次 300 行，允许 70 至 160 行。"
        "请向市中级人民法院执行局核实；属实则由其批准本候选版本。"
    )
    assert finding.ask == "court"


def test_every_public_table_has_an_envelope_and_the_severe_list_at_most_one_and_a_half() -> None:
    rules = read_rules()
    envelopes = {name: TableEnvelope.model_validate(body) for name, body in rules.envelopes.items()}

    assert sorted(envelopes) == sorted(d.table for d in rules.declarations.values() if d.level == "public")
    assert envelopes["pub_list_current"].groups["COURT_DEFAULTER"].max_ratio == 1.5
