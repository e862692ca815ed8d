"""The catalogue as a page: everything in it appears, is reachable, and is escaped."""

import html
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from html.parser import HTMLParser
from pathlib import Path

import pytest
from typer.testing import CliRunner

from creditlake.catalog import Catalog, load_catalog
from creditlake.catalog_commands import catalog_app
from creditlake.catalog_page import RULE_TITLES, TYPES, render_page, shape_table
from creditlake.contract import SIMPLE_TYPES
from creditlake.settings import REPOSITORY
from tests.deliveries import make_contract

pytestmark = pytest.mark.slow
VOID = frozenset({"meta", "br"})


class Page(HTMLParser):
    """Reads a page: its text, ids, links and tags that are not closed in order."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.odd: list[str] = []
        self.tags: list[str] = []
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named: Mapping[str, str | None] = dict(attrs)
        self.tags += [] if tag in VOID else [tag]
        self.ids += [str(named["id"])] if "id" in named else []
        self.links += [str(named["href"])] if "href" in named else []

    def handle_endtag(self, tag: str) -> None:
        if not self.tags or self.tags.pop() != tag:
            self.odd.append(tag)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @cached_property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.texts))


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog(REPOSITORY / "catalog")


@pytest.fixture(scope="module")
def page(catalog: Catalog) -> Page:
    return Page(render_page(catalog))


def squeezed(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def test_every_dataset_appears_with_its_basis_owner_and_fields(page: Page, catalog: Catalog) -> None:
    assert len(catalog.contracts) >= 8
    for contract in catalog.contracts.values():
        told = [contract.name, contract.title, contract.description, contract.owner, contract.retention]
        told += [contract.delivery.file_pattern, *(basis.instrument for basis in contract.legal_basis)]
        for name, field in contract.fields.items():
            told += [name, field.title, field.source_name, *field.aliases, field.note]
        assert [text for text in told if squeezed(text) not in page.text] == []


def test_every_code_list_defect_check_and_rule_appears(page: Page, catalog: Catalog) -> None:
    told = [department.name_zh for department in catalog.departments.values()]
    for code_list in catalog.code_lists.values():
        told += [code_list.name, code_list.title]
        told += [text for value in code_list.values for text in (value.code, value.label, *value.texts)]
    for defect in catalog.defects.values():
        told += [defect.code, defect.message, defect.cure, defect.english]
    used = {check.check for contract in catalog.contracts.values() for check in contract.row_checks}
    told += [catalog.row_checks[check].what for check in used]
    for name in RULE_TITLES:
        for row in getattr(catalog.rules, name):
            told += [row.rule_id, str(row.effective_from), str(row.effective_to or "至今"), row.source]
    assert len(told) > 200
    assert [text for text in told if squeezed(text) not in page.text] == []


def test_every_link_leads_to_one_place_of_the_page(page: Page) -> None:
    assert len(page.links) > 30
    assert {link.removeprefix("#") for link in page.links} <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    assert (page.odd, page.tags) == ([], [])


def test_the_contents_name_every_dataset_list_chapter_and_rule(catalog: Catalog) -> None:
    contents = render_page(catalog).partition("<nav>")[2].partition("</nav>")[0]
    for target in (*catalog.contracts, "code-lists", "defects", *(f"rules-{name}" for name in RULE_TITLES)):
        assert f'href="#{target}"' in contents


def test_a_dataset_has_exactly_one_shape(catalog: Catalog) -> None:
    table = shape_table(catalog.contracts.values())
    assert [contract.name for contract, _ in table.rows] == list(catalog.contracts)
    assert all(sum(marks) == 1 for _, marks in table.rows)
    assert all(any(marks[index] for _, marks in table.rows) for index in range(len(table.columns)))


def test_what_the_catalogue_says_is_escaped(catalog: Catalog) -> None:
    hostile = '<script>alert("x")</script>&amp;'
    contract = make_contract(title=hostile, owner=hostile, description=hostile, retention=hostile)
    source = render_page(replace(catalog, contracts={contract.name: contract}))
    assert hostile not in source
    assert source.count("<script") == 0
    assert html.escape(hostile, quote=False).split('"')[0] in source
    assert hostile in Page(source).text


def test_every_type_of_a_field_has_its_chinese_word() -> None:
    assert TYPES.keys() == SIMPLE_TYPES


def test_the_same_catalogue_gives_the_same_page(catalog: Catalog) -> None:
    assert render_page(catalog) == render_page(load_catalog(REPOSITORY / "catalog"))


def test_the_command_writes_the_page_where_it_is_told(tmp_path: Path) -> None:
    target = tmp_path / "new" / "catalog.html"
    done = CliRunner().invoke(catalog_app, ["docs", str(target)])
    assert (done.exit_code, done.output.strip()) == (0, str(target))
    assert target.read_text(encoding="utf-8").startswith("<!doctype html>")
