"""A whole simulated city, damaged all over: the links are those that a brute-force linker finds."""

import hashlib
import hmac
from datetime import date

import pytest
import yaml
from pyspark.sql import SparkSession

from creditlake.catalog import Catalog
from creditlake.collect import collect_deliveries
from creditlake.decode import decode_waiting
from creditlake.simulate import PUBLISHED, simulate_city
from tests.brute_linker import Registers, Verdict, read_party, read_registers
from tests.cities import CHANGES, DEFAULTERS, LEGAL, LICENCES, NATURAL, PENALTIES, RATINGS, Delivered
from tests.deliveries import NOW
from tests.spark.room import Room
from tests.spark.rows import KEY

pytestmark = [pytest.mark.spark, pytest.mark.slow]
DAY = date(2026, 11, 16)
LINKED = (PENALTIES, LICENCES, DEFAULTERS, RATINGS)
Place = tuple[str, str, int]


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Delivered:
    """One day of a city in which every kind of damage and every hard case is frequent."""
    rates = yaml.safe_load(PUBLISHED.read_text(encoding="utf-8"))
    rates["identity_noise"] = dict.fromkeys(rates["identity_noise"], 0.022)
    rates["row_noise"][RATINGS]["swapped_codes"] = 0.2
    rates["registers"] |= {"siblings": 0.3, "code_twice": 0.15, "number_twice": 0.3, "recycled_name": 0.2}
    rates["registers"] |= {"twins": 0.6, "namesake": 0.1}
    path = tmp_path_factory.mktemp("rates") / "rates.yml"
    path.write_text(yaml.safe_dump(rates), encoding="utf-8")
    folder = tmp_path_factory.mktemp("city")
    simulate_city(folder, seed=5, days=[DAY], rates=path, legal=400, natural=960, records=4000)
    return Delivered(folder)


@pytest.fixture(scope="module")
def links(
    few_rows: SparkSession, catalog: Catalog, city: Delivered, tmp_path_factory: pytest.TempPathFactory
) -> dict[Place, Verdict]:
    """What the steps make of the city, by dataset, file and row."""
    contracts = [catalog.contracts[name] for name in (LEGAL, NATURAL, CHANGES, *LINKED)]
    room = Room(tmp_path_factory.mktemp("room"), few_rows, *contracts)
    inbox = city.folder / "inbox_by_day" / DAY.isoformat()
    for contract in contracts:
        collect_deliveries(room.lake, contract, inbox, DAY, now=NOW, scratch=room.context.scratch)
    decode_waiting(room.lake, room.catalog, DAY, scratch=room.context.scratch)
    room.standardise(DAY)
    _, manifest = room.link(DAY, "20261116-01")
    return {
        (row["dataset"], row["file_name"], row["row_no"]): Verdict(
            row["status"], row["tier"], row["subject_id"], tuple(row["candidates"])
        )
        for row in room.rows(manifest)
    }


@pytest.fixture(scope="module")
def expected(catalog: Catalog, city: Delivered, links: dict[Place, Verdict]) -> dict[Place, Verdict]:
    """What the brute-force linker makes of the rows that linking was asked about."""
    policy = {(r.tier, r.subject_kind): r.outcome for r in catalog.rules.linking if r.in_force(DAY)}
    subjects = read_registers(
        city.file(LEGAL, "reg_entity_20261116.csv").values(),
        city.file(NATURAL, "population_20261116.csv").values(),
        city.file(CHANGES, "reg_change_20261116_01.csv").values(),
        subject_id,
    )
    registers = Registers(subjects, policy, tuple(catalog.rules.full_name_endings))
    return {
        place: registers.link(read_party(place[0], city.file(place[0], place[1])[place[2]]))
        for place in links
    }


def subject_id(archive: str, source_key: str) -> str:
    """Return the id that is made of a register's own key."""
    text = "\x1f".join(["subject", LEGAL if archive == "L" else NATURAL, source_key])
    return archive + hmac.new(KEY, text.encode(), hashlib.sha256).hexdigest()[:20]


def test_every_row_links_as_the_brute_force_linker_says(
    links: dict[Place, Verdict], expected: dict[Place, Verdict]
) -> None:
    assert len(links) > 3000
    assert {
        place: (links[place], expected[place]) for place in links if links[place] != expected[place]
    } == {}


def test_the_city_reaches_every_tier_but_two(links: dict[Place, Verdict]) -> None:
    """No register of it has a code that fails its check, and its rows without any number are refused."""
    assert {verdict.tier for verdict in links.values()} == {
        "exact_uscc", "exact_org_code", "exact_reg_no", "exact_tax_id", "exact_resident_id",
        "exact_swapped_column", "repaired_number", "one_edit_away", "several_near", "name_code_conflict",
        "name_disagrees", "codes_disagree", "several_owners", "name_alone", "register_absent",
        "masked_number", "name_only",
    }  # fmt: skip


def test_no_row_is_linked_to_another_subject_than_its_own(
    city: Delivered, links: dict[Place, Verdict]
) -> None:
    keys = {
        hashlib.sha256(row["id_no"].encode()).hexdigest(): subject_id("N", row["id_no"])
        for row in city.file(NATURAL, "population_20261116.csv").values()
    }
    keys |= {key: subject_id("L", key) for key in city.subjects("legal")}
    for truth in city.truth:
        verdict = links.get((truth["dataset"], truth["file"], truth["row_no"]))
        if verdict and verdict.subject_id:
            assert verdict.subject_id == keys[truth["subject_key"]], truth
