"""Every code of the defect catalogue has a case that triggers it and one that just does not.

Codes of rows are looked up in the cases of `test_standardise`, whose records are compared one by one there;
codes of batches, links and builds name the tests that assert them.
"""

import ast
from pathlib import Path

import pytest

from creditlake.catalog import Catalog
from creditlake.settings import REPOSITORY
from tests.spark.test_standardise import PENALTY_CASES, PERSON_CASES

# code: (case that has it, case that just does not)
ROWS = {
    "F04": ("a ragged row", "a whole row"),
    "K01": ("a wrong check character", "a repaired code"),
    "K02": ("a placeholder alone", "a placeholder with a registration number"),
    "K03": ("a good code around a wrong organisation code", "a lower-case code with blanks"),
    "K04": ("a shop filed as a company", "a shop filed as a person"),
    "K05": ("a day that does not exist", "a 15-digit number"),
    "K06": ("scientific notation", "a repaired code"),
    "K07": ("an organ's placeholder", "a whole row"),
    "M01": ("a missing mandatory value", "an end in 1900"),
    "M02": ("a filler in a mandatory field", "a filler in an optional field"),
    "V01": ("an unknown kind", "several kinds"),
    "V02": ("a fine without an amount", "a whole row"),
    "V03": ("yuan for 万元", "an amount in 万元 in the text"),
    "V04": ("an enormous amount", "another amount in the text"),
    "V05": ("an optional date that is none", "one day late"),
    "D01": ("a date in the future", "the last day in time"),
    "D02": ("an end before the start", "a whole row"),
    "D03": ("a date in the future", "the last day in time"),
    "D04": ("one day late", "the last day in time"),
    "P02": ("a minor", "a whole person"),
    "R01": ("a mistyped receipt number", "a cited number in another spelling"),
    "S01": ("declared for departments only", "declared public"),
    "T01": ("a name beyond a sourced length", "a whole row"),
}
DECODE, STATES = "tests/unit/decode/test_decode.py", "tests/dbt/test_states.py"
ENCODINGS, HEADERS = "tests/unit/decode/test_encodings.py", "tests/unit/decode/test_headers.py"
CSV, JSONL = "tests/unit/decode/test_csv.py", "tests/unit/decode/test_jsonl.py"
WORKBOOK, COLLECT = "tests/unit/decode/test_workbook.py", "tests/unit/test_collect.py"
STANDARDISE = "tests/spark/test_standardise.py"
FOOTER = "tests/unit/decode/test_footer.py"
REPEATS = "tests/spark/test_repeats.py"
TESTS = {
    "F01": (
        f"{ENCODINGS}::test_a_gbk_file_declared_utf8_is_refused_at_its_first_row",
        f"{ENCODINGS}::test_rare_characters_of_names_survive",
    ),
    "F02": (
        f"{HEADERS}::test_a_missing_mandatory_column_is_refused_with_its_field",
        f"{HEADERS}::test_aliases_and_letter_case_do_not_matter",
    ),
    "F03": (
        f"{DECODE}::test_a_register_with_a_tenth_of_its_rows_is_blocked",
        f"{DECODE}::test_both_ends_of_an_envelope_belong_to_it",
    ),
    "F05": (
        f"{CSV}::test_a_last_record_with_too_few_cells_and_no_line_break_is_a_cut_file",
        f"{CSV}::test_a_last_record_without_a_line_break_is_whole_if_its_cells_are",
    ),
    "F06": (
        f"{DECODE}::test_a_file_without_rows_is_a_defect",
        f"{DECODE}::test_a_file_without_rows_and_with_a_nil_declaration_is_a_delivery_of_nothing",
    ),
    "F07": (
        "tests/spark/test_steps.py::"
        "test_a_batch_with_too_many_refused_rows_is_blocked_until_a_person_accepts_it",
        "tests/spark/test_steps.py::test_a_batch_is_committed_with_its_counts_and_waits_no_more",
    ),
    "F08": (
        f"{JSONL}::test_a_json_array_instead_of_lines_is_refused",
        f"{JSONL}::test_a_line_that_is_no_object_is_kept_whole_as_a_ragged_row",
    ),
    "F09": (
        f"{DECODE}::test_a_rejected_batch_is_blocked_with_the_persons_reason",
        f"{DECODE}::test_an_accepted_batch_passes_its_envelope_with_a_warning",
    ),
    "F10": (
        f"{WORKBOOK}::test_a_filled_sheet_that_is_not_read_is_a_warning",
        f"{WORKBOOK}::test_hidden_lists_and_explanations_beside_the_table_are_left_out",
    ),
    "F11": (
        "tests/unit/decode/test_archive.py::test_a_name_that_leads_elsewhere_is_refused",
        "tests/unit/decode/test_archive.py::test_names_are_gb18030_unless_marked_as_utf8",
    ),
    "F12": (
        f"{FOOTER}::test_data_below_the_notes_block_the_file",
        f"{FOOTER}::test_notes_below_the_table_are_no_rows",
    ),
    "C01": (
        f"{COLLECT}::test_an_unknown_file_stays_where_it_is_and_is_noticed_once",
        f"{COLLECT}::test_a_file_arrives_byte_for_byte_with_a_receipt_and_the_inbox_is_unchanged",
    ),
    "K08": (
        f"{STATES}::test_every_defect_is_listed_with_who_found_it_and_when_it_was_closed",
        f"{STATES}::test_each_penalty_has_the_state_and_the_reason_of_its_history",
    ),
    "U01": (
        f"{REPEATS}::test_the_same_row_twice_in_a_batch_is_dropped_once",
        f"{REPEATS}::test_rows_of_two_batches_and_of_two_decisions_repeat_nothing",
    ),
    "U02": (f"{STATES}::test_a_repeated_row_is_dropped_as_u02_and_the_stored_one_stays",) * 2,
    "U03": (
        f"{REPEATS}::test_the_same_row_twice_in_a_batch_is_dropped_once",
        f"{REPEATS}::test_an_insert_and_its_update_in_one_batch_are_no_dispute",
    ),
    "T02": (
        f"{REPEATS}::test_a_row_marked_as_test_data_is_dropped_and_judged_no_further",
        f"{REPEATS}::test_a_row_marked_as_no_test_is_judged_like_any_other",
    ),
    "L01": (f"{STATES}::test_every_defect_is_listed_with_who_found_it_and_when_it_was_closed",) * 2,
    "L02": (f"{STATES}::test_a_register_row_with_a_number_of_two_subjects_raises_an_alarm_and_no_other_row",)
    * 2,
    "P01": (
        f"{STATES}::test_every_defect_is_listed_with_who_found_it_and_when_it_was_closed",
        "tests/dbt/test_redaction.py::test_redacted_fields_are_those_that_changed",
    ),
}


def test_every_code_of_the_catalogue_has_its_cases_and_no_other_code(catalog: Catalog) -> None:
    assert ROWS.keys() | TESTS.keys() == catalog.defects.keys()
    assert not ROWS.keys() & TESTS.keys()


@pytest.mark.parametrize("code", ROWS)
def test_one_case_has_the_code_and_its_neighbour_does_not(code: str) -> None:
    with_it, without_it = ({d.split()[0] for d in cases()[name]} for name in ROWS[code])
    assert code in with_it
    assert code not in without_it


@pytest.mark.parametrize("test", sorted({test for pair in TESTS.values() for test in pair}))
def test_a_named_test_exists(test: str) -> None:
    file, _, name = test.partition("::")
    tree = ast.parse(Path(REPOSITORY / file).read_text())
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def cases() -> dict[str, list[str]]:
    """Defects by case."""
    return {name: defects for name, (_, _, defects) in (PENALTY_CASES | PERSON_CASES).items()}
