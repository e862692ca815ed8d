"""The demo's page speaks Chinese about every outcome that the models know."""

import re
from datetime import date
from pathlib import Path

from rich.console import Console

from creditlake.candidate import CandidateManifest
from creditlake.catalog import load_catalog
from creditlake.demo.report import PUBLICATION, print_summary, write_page
from creditlake.look.day import DaySummary, DepartmentDay
from creditlake.settings import REPOSITORY

REASON = re.compile(r"""then '([a-z_]+)'\n|"[^"\n]+", '([a-z_]+)'\)""")
# Of these words the state macros make something else: a record's own state, or a column.
NOT_A_REASON = {"active", "corrected", "list_terms"}


def test_every_reason_why_a_record_is_not_public_has_its_words() -> None:
    sources = [REPOSITORY / "dbt_project/macros/states.sql"]
    sources += sorted((REPOSITORY / "dbt_project/models/intermediate").glob("int_*__stated.sql"))
    macro = sources[0].read_text().split("{% macro hidden_reason")[1].split("endmacro")[0]
    texts = [macro, *(path.read_text() for path in sources[1:])]
    reasons = {first or second for text in texts for first, second in REASON.findall(text)} - NOT_A_REASON
    assert {"held", "unlinked", "not_published_kind", "unknown_age"} <= reasons
    assert reasons - set(PUBLICATION) == set()


def test_departments_that_sent_nothing_stand_in_one_line_and_not_in_the_table(tmp_path: Path) -> None:
    departments = (
        DepartmentDay("court", "市中级人民法院", deliveries=1, received=3, accepted=3),
        DepartmentDay("customs", "市海关"),
        DepartmentDay("transport", "市交通运输局"),
    )
    candidate = CandidateManifest.model_construct(batches=(), ledger=(), publication=())
    day = DaySummary(date(2026, 11, 16), "20261116-01", departments, None, None, candidate)
    console = Console(record=True, width=160)
    print_summary(console, [day], tmp_path, tmp_path / "demo.html")
    write_page(tmp_path / "demo.html", [day], load_catalog(REPOSITORY / "catalog"))
    told, page = console.export_text(), (tmp_path / "demo.html").read_text(encoding="utf-8")
    assert "no delivery 未报送 (2): 市海关、市交通运输局" in told
    assert "市海关、市交通运输局" in page
    assert told.count("市中级人民法院") == 1
    assert told.count("市海关") == page.count("市海关") == 1
