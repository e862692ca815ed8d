"""Rows and their truth: who each row is about, and what its repetitions are."""

import hashlib
import statistics

import pytest
import yaml

from creditlake.normalise import normalise_doc_no
from creditlake.settings import settings
from creditlake.simulate.run import SHAPES
from tests.cities import (
    CHANGES,
    DAYS,
    DEFAULTERS,
    LICENCES,
    PENALTIES,
    RATINGS,
    REPAIRS,
    SIZE,
    Delivered,
    Row,
)


@pytest.mark.parametrize("dataset", sorted(SHAPES))
def test_truth_has_one_row_per_delivered_row(city: Delivered, dataset: str) -> None:
    for (owner, name), path in city.paths.items():
        if owner == dataset:
            numbers = [t["row_no"] for t in city.truth if (t["dataset"], t["file"]) == (dataset, name)]
            assert numbers == list(city.file(dataset, name)), path.name


def test_an_undamaged_row_bears_the_code_and_name_of_its_true_subject(city: Delivered) -> None:
    legal = city.subjects("legal")
    for dataset, code, name, person in (
        (PENALTIES, "CF_XDR_SHXYM", "CF_XDR_MC", "CF_XDR_ZJHM"),
        (LICENCES, "行政相对人代码_1(统一社会信用代码)", "行政相对人名称", "证件号码"),
        (RATINGS, "统一社会信用代码", "纳税人名称", ""),
    ):
        plain = city.of(dataset, noise="none")
        assert len(plain) > 100
        for truth, row in plain:
            if truth["subject_kind"] == "natural":
                assert hashlib.sha256(row[person].encode()).hexdigest() == truth["subject_key"]
            else:
                subject = legal[truth["subject_key"]]
                assert (row[code], row[name]) == (subject["uscc"], subject["name"])


def test_a_defaulter_bears_the_whole_code_or_the_organisation_code(city: Delivered) -> None:
    legal, forms = city.subjects("legal"), set()
    for truth, row in city.of(DEFAULTERS, noise="none", subject_kind="legal"):
        subject = legal[truth["subject_key"]]
        assert row["cardNum"].replace("-", "") in (subject["uscc"], subject["org_code"])
        forms.add(len(row["cardNum"]))
    assert forms == {10, 18}


@pytest.mark.parametrize("dataset", [PENALTIES, LICENCES])
def test_rows_are_as_full_as_real_ones(city: Delivered, dataset: str) -> None:
    sizes = [
        len("".join(map(str, row.values())).encode("gb18030")) for _, row in city.of(dataset, row_kind="new")
    ]
    assert statistics.median(sizes) >= 800


def test_amounts_in_the_text_agree_with_the_amount_column(city: Delivered) -> None:
    fined = [row for _, row in city.of(PENALTIES, noise="none") if "罚款" in row["CF_CFLB"]]
    assert len(fined) > 500
    for row in fined:
        wan = float(row["CF_NR_FK"].replace(",", ""))
        assert f"罚款人民币{round(wan * 10000)}元" in row["CF_NR"]
    assert not [
        row
        for _, row in city.of(PENALTIES, noise="none")
        if "罚款" not in row["CF_CFLB"] and "罚款人民币" in row["CF_NR"]
    ]


def test_natural_keys_repeat_only_where_the_truth_says_so(city: Delivered) -> None:
    seen: dict[tuple[str, str, str], Row] = {}
    repeated = []
    for truth, row in city.of(PENALTIES):
        key = (row["CF_CFJGDM"], normalise_doc_no(row["CF_WSH"]), row["CF_XDR_MC"])
        if key in seen and truth["noise"] == "none":
            repeated.append(truth["row_kind"])
        seen.setdefault(key, row)
    assert set(repeated) == {"correction", "withdrawal", "resent", "in_file_duplicate"}
    assert len(repeated) == sum(t["row_kind"] != "new" for t in city.truth if t["dataset"] == PENALTIES)


def test_repeated_rows_are_equal_and_corrected_ones_differ_under_the_same_key(city: Delivered) -> None:
    for dataset, key, flag in (
        (PENALTIES, "CF_WSH", "数据变更标志"),
        (LICENCES, "行政许可决定文书号", "数据变更标志"),
        (DEFAULTERS, "caseCode", "flag"),
    ):
        original = {truth["record"]: row for truth, row in city.of(dataset, row_kind="new")}
        for row_kind, change in (
            ("resent", None),
            ("in_file_duplicate", None),
            ("correction", "u"),
            ("withdrawal", "d"),
        ):
            pairs = [(original[t["record"]], row) for t, row in city.of(dataset, row_kind=row_kind)]
            assert pairs or (dataset, row_kind) in {
                (LICENCES, "in_file_duplicate"),
                (DEFAULTERS, "in_file_duplicate"),
            }
            for before, after in pairs:
                assert before[key] == after[key]
                assert (before == after) == (change is None)
                assert change in (None, after[flag])


def test_repairs_name_a_penalty_delivered_before_and_never_one_withdrawn(city: Delivered) -> None:
    penalties = {
        (row["CF_CFJGDM"], normalise_doc_no(row["CF_WSH"]), row["CF_XDR_MC"]): truth
        for truth, row in city.of(PENALTIES, row_kind="new")
    }
    withdrawn = {truth["record"] for truth, _ in city.of(PENALTIES, row_kind="withdrawal")}
    repairs = city.of(REPAIRS)
    assert len({truth["record"] for truth, _ in repairs}) == len(repairs) == SIZE["records"] * 0.02
    for truth, row in repairs:
        key = (row["认定单位统一社会信用代码"], normalise_doc_no(row["原决定书文号"]), row["信用主体名称"])
        if truth["noise"] == "unknown_document":
            assert key not in penalties
            continue
        target = penalties[key]
        assert target["record"] == truth["record"]
        assert target["record"] not in withdrawn
        assert (target["expected_outcome"], target["expected_link"]) == ("accepted", "exact")
        first_day = truth["delivered_date"].date() == DAYS[0]
        assert first_day or target["delivered_date"] < truth["delivered_date"]


def test_defect_codes_are_the_catalogues(damaged: Delivered) -> None:
    known = {
        entry["code"] for entry in yaml.safe_load((settings().catalog / "defects.yml").read_text())["defects"]
    }
    used = {code for truth in damaged.truth for code in truth["defects"]}
    expected = (
        "D01 D02 D03 D04 K01 K02 K04 K05 K06 K07 K08 L01 M01 M02 P01 P02 T01 U01 U02 V01 V02 V03 V04 V05"
    )
    assert used == set(expected.split())
    assert used <= known


def test_few_rows_are_refused_at_the_published_rates(city: Delivered) -> None:
    for dataset in (PENALTIES, LICENCES, DEFAULTERS, RATINGS, CHANGES, REPAIRS):
        rows = [truth for truth in city.truth if truth["dataset"] == dataset]
        refused = sum(truth["expected_outcome"] == "rejected" for truth in rows)
        assert refused / len(rows) < 0.05, dataset
