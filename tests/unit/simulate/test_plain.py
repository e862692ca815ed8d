"""Plain deliveries: whatever the contract, its file decodes, and every record is whole and has its key."""

from datetime import date
from pathlib import Path
from time import gmtime
from unittest import mock

import pytest

from creditlake.catalog import load_catalog
from creditlake.contract import Contract
from creditlake.decode.cells import FileFacts
from creditlake.decode.decode import read_file
from creditlake.settings import REPOSITORY
from creditlake.simulate import PUBLISHED
from creditlake.simulate.engine import open_simulation
from creditlake.simulate.plain import PlainDraws
from creditlake.simulate.plain_files import read_parties, write_plain
from creditlake.simulate.rates import read_rates
from creditlake.simulate.run import report_nothing
from tests.cities import SIZE
from tests.parties import LEGAL, NATURAL

CATALOG = load_catalog(REPOSITORY / "catalog")
DAY = date(2026, 11, 16)
ROWS = 40


@pytest.fixture(params=CATALOG.contracts, scope="module")
def draws(request: pytest.FixtureRequest) -> PlainDraws:
    """The draws of one dataset after the other: every contract that there is."""
    return PlainDraws(CATALOG.contracts[request.param], CATALOG, LEGAL, NATURAL, DAY, seed=7)


def read(path: Path, contract: Contract) -> list[dict[str, str | None]]:
    """Decode a file into rows."""
    facts = FileFacts(path.name)
    parts = read_file(path, contract, facts, path.parent)
    rows = [row for part in parts for row in part.to_pylist()]
    assert facts.ragged == 0
    assert facts.received == len(rows)
    return rows


def test_a_plain_file_decodes_to_the_rows_it_was_made_of(draws: PlainDraws, tmp_path: Path) -> None:
    contract = draws.contract
    path = write_plain(draws, tmp_path, 0, ROWS)
    found = [{name: row.get(name) or "" for name in contract.fields} for row in read(path, contract)]
    written = [{name: texts.get(name, "") for name in contract.fields} for _, texts in draws.rows(0, ROWS)]
    assert found == written
    assert len(found) == ROWS


def test_plain_records_have_keys_of_their_own_and_every_mandatory_field(draws: PlainDraws) -> None:
    contract = draws.contract
    rows = [texts for _, texts in draws.rows(0, ROWS)]
    assert len({tuple(row[name] for name in contract.natural_key) for row in rows}) == ROWS
    for name, field in contract.fields.items():
        if field.required:
            assert all(row.get(name) for row in rows), name


def test_subjects_of_a_city_have_what_every_contract_demands(tmp_path: Path) -> None:
    simulation = open_simulation(
        tmp_path,
        seed=7,
        days=[DAY],
        rates=read_rates(PUBLISHED),
        threads=1,
        progress=report_nothing,
        **SIZE,
    )
    legal, natural = read_parties(simulation.connection)
    simulation.connection.close()
    assert len(legal) > 100
    assert len(natural) > 100
    for contract in CATALOG.contracts.values():
        made = PlainDraws(contract, CATALOG, legal, natural, DAY, seed=7)
        needed = [name for name, field in contract.fields.items() if field.required]
        for _, row in made.rows(0, 100):
            assert [name for name in needed if not row.get(name)] == [], contract.name


def test_the_same_rows_give_the_same_bytes_at_any_time(draws: PlainDraws, tmp_path: Path) -> None:
    contents = []
    for place, clock in (("a", 1_700_000_000.0), ("b", 1_800_000_000.0)):
        (tmp_path / place).mkdir()
        local = gmtime(clock)
        with mock.patch("time.time", return_value=clock), mock.patch("time.localtime", return_value=local):
            contents.append(write_plain(draws, tmp_path / place, 0, 3).read_bytes())
    assert contents[0] == contents[1]


def test_a_plain_record_is_the_same_whenever_it_is_delivered(draws: PlainDraws) -> None:
    assert draws.row(3) == draws.row(3)
    assert [texts for _, texts in draws.rows(2, 2)] == [draws.row(2)[1], draws.row(3)[1]]
