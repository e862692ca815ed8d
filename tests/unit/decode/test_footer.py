"""Notes and totals below a CSV table are no rows, and no row beneath them is lost."""

from pathlib import Path

import pytest

from tests.deliveries import HEADER, Desk, make_contract

HEAD = ",".join(HEADER) + "\n"


@pytest.fixture
def noted(tmp_path: Path) -> Desk:
    """CSV with notes below the table."""
    return Desk(tmp_path, make_contract(delivery={"footer_markers": ["填表说明", "合计"]}))


NOTES = [
    "填表说明：每行一件\n",  # alone on its line: ragged
    " 填表说明：每行一件,,,\n",  # as a spreadsheet exports it
    "合计,,2.5,\n填表说明：一，二，三\n注：四\n",
    '"填表说明：每行\n一件"\n\n第二条\n',
    "合计",  # the end of a file without a line break
]


@pytest.mark.parametrize("notes", NOTES)
def test_notes_below_the_table_are_no_rows(noted: Desk, notes: str) -> None:
    manifest = noted.decode(HEAD + "1,甲,1,\n合计,合计商贸有限公司,1.5,\n" + notes)

    assert manifest.defects == []
    assert noted.values(manifest) == [(2, "1", "甲", "1", ""), (3, "合计", "合计商贸有限公司", "1.5", "")]
    assert (manifest.counts["received"], manifest.counts["ragged"]) == (2, 0)


@pytest.mark.parametrize("notes", NOTES[:-1])
@pytest.mark.parametrize("row", ["2,乙,1,\n", "2,乙,1\n"])
def test_data_below_the_notes_block_the_file(noted: Desk, notes: str, row: str) -> None:
    (defect,) = noted.decode(HEAD + "1,甲,1,\n" + notes + row).defects
    assert (defect.code, defect.level) == ("F12", "B")
    assert defect.message.endswith("the notes begin in row 3")


def test_a_row_that_begins_like_a_note_is_data_where_no_note_is_agreed(tmp_path: Path) -> None:
    desk = Desk(tmp_path, make_contract())
    assert desk.values(desk.decode(HEAD + "合计,,,\n")) == [(2, "合计", "", "", "")]


def test_notes_are_found_in_a_column_that_is_not_taken(tmp_path: Path) -> None:
    contract = make_contract(
        delivery={"footer_markers": ["合计"]}, on_unknown_field="ignore_listed", ignored_headers=["序号"]
    )
    desk = Desk(tmp_path, contract)
    assert desk.values(desk.decode("序号," + HEAD + "1,1,甲,1,\n合计,,,,\n")) == [(2, "1", "甲", "1", "")]
