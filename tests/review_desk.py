"""A small linked city with four doubtful groups, and the commands of review over it."""

from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from typer.testing import CliRunner

from creditlake import cli, review_commands, steps
from creditlake.judgements import Judgement, list_judgements
from creditlake.review.sheet import HEADER
from tests.dbt.city import City
from tests.samples import make_resident_id, make_uscc
from tests.services import folder_settings

DAY = date(2026, 11, 17)
BUILD = "20261117-01"
PENALTIES, LICENCES = "market_regulation.penalty_decision", "administrative_approval.licence_decision"
DEFAULTERS = "court.judgment_defaulter"
PERSON = make_resident_id(3)
UNSOUND = ("doubtful_number", "name_conflict")
PARTIES = {
    name: f"{number:020x}" for number, name in enumerate(("conflict", "late", "person", "unsound"), 10)
}


def doubtful(
    party: str, *candidates: str, doubts: tuple[str, ...] = ("name_of_another",), **more: Any
) -> dict[str, Any]:
    """Return the link of a record in review."""
    return {
        "status": "review", "tier": "name_code_conflict", "reason": "name_conflict", "party": PARTIES[party],
        "subject_kind": "LEGAL", "candidates": list(candidates), "doubts": list(doubts),
    } | more  # fmt: skip


def penalty(
    key: str, link: dict[str, Any] | str, decided: date, name: str = "远水建材", **more: Any
) -> dict[str, Any]:
    """Return a penalty about a company."""
    return {
        "key": key, "_link": link, "decision_date": decided, "counterpart_name": name,
        "counterpart_name_delivered": name, "uscc": make_uscc(1), "uscc_delivered": f" {make_uscc(1)}",
        **{f"{slot}_delivered": None for slot in ("org_code", "reg_no", "tax_id", "id_no")},
    } | more  # fmt: skip


class Desk:
    """A linked city and the commands of review."""

    def __init__(self, city: City) -> None:
        self.city, self.folder = city, city.root

    def run(self, *arguments: str) -> tuple[int, str]:
        """Run a command; its exit code and what it says."""
        done = CliRunner().invoke(cli.app, list(arguments))
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.exit_code, done.output

    def export(self, *arguments: str) -> list[dict[str, Any]]:
        """Export the queue; its rows by header."""
        code, self.said = self.run("review", "export", "--out", str(self.path), *arguments)
        assert code == 0
        header, *rows = openpyxl.load_workbook(self.path).active.iter_rows(values_only=True)
        assert header == HEADER
        return [dict(zip(header, row, strict=True)) for row in rows]

    @property
    def path(self) -> Path:
        return self.folder / "review.xlsx"

    def fill(self, party: str, **cells: str) -> None:
        """Fill cells of a party's row."""
        book = openpyxl.load_workbook(self.path)
        rows = {row[0].value: row for row in book.active.iter_rows(min_row=2)}
        for name, text in cells.items():
            rows[PARTIES[party]][HEADER.index(name)].value = text
        book.save(self.path)

    def add(self, party: str, *rows: dict[str, str]) -> None:
        """Add copies of a party's row, each with other cells."""
        book = openpyxl.load_workbook(self.path)
        (found,) = (row for row in book.active.iter_rows(values_only=True) if row[0] == PARTIES[party])
        for cells in rows:
            book.active.append(list({**dict(zip(HEADER, found, strict=True)), **cells}.values()))
        book.save(self.path)

    def bring_back(self, *arguments: str) -> tuple[int, str]:
        """Import the workbook."""
        return self.run(
            "review", "import", str(self.path), "--by", "王", "--business-date", "2026-11-17", *arguments
        )

    def judgements(self) -> list[Judgement]:
        """Return what has been decided."""
        return list_judgements(self.city.lake, date.max)


def open_desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Four groups in the queue: two of one party, an overdue one, a person, and an unsound number."""
    city = City(tmp_path)
    city.subject("L1", "云山商贸", uscc=make_uscc(1))
    city.subject("L2", "远水建材")
    city.subject("N1", "=周明", resident_id=PERSON)
    city.deliver(
        PENALTIES, DAY,
        penalty("甲", doubtful("conflict", "L1", "L2"), date(2026, 11, 10)),
        penalty("乙", doubtful("conflict", "L1", "L2"), date(2026, 11, 12)),
        penalty("丙", doubtful("late", "L1", doubts=UNSOUND), date(2026, 9, 30), "=1+1"),
        penalty("丁", "L1", date(2026, 9, 1)),
        penalty("戊", doubtful("late", "L1"), date(2026, 9, 1), change_op="D"),
    )  # fmt: skip
    city.deliver(
        DEFAULTERS, date(2026, 11, 16),
        {
            "key": "子", "name": "周明", "name_delivered": "周明", "party_type": "PERSON",
            "party_code": PERSON, "party_code_delivered": PERSON,
            "_link": doubtful("person", "N1", doubts=("document_type",), subject_kind="NATURAL"),
        },
        {
            "key": "丑", "name": "远水建材", "name_delivered": "远水建材", "party_code": make_uscc(1),
            "party_code_delivered": make_uscc(1), "party_code_status": "repaired",
            "_link": doubtful("unsound", "L1"),
        },
    )  # fmt: skip
    city.link(BUILD)
    monkeypatch.setattr(steps, "lake", lambda: city.lake)
    monkeypatch.setattr(steps, "read_catalog", lambda: city.catalog)
    monkeypatch.setattr(review_commands, "settings", lambda: folder_settings(tmp_path))
    return Desk(city)
