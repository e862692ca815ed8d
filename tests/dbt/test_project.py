"""The dbt project itself: layers, names, keys, descriptions, what may be published, and query plans."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from creditlake.catalog import load_catalog
from creditlake.marts.database import LINKING, PLATFORM
from creditlake.marts.dbt import PROJECT, environment
from creditlake.settings import REPOSITORY
from tests.dbt.city import City
from tests.dbt.conftest import TODAY, PartialRun, settings_at

STATES = PROJECT / "macros" / "states.sql"
FACTS = ("Grain: ", "Scope: ", "Refresh: ", "Known limits: ", "Used by: ")
NAMES = {
    "staging": r"stg_[a-z_]+?__[a-z_]+",
    "intermediate": r"int_[a-z_]+__[a-z]+ed",
    "marts": r"(archive|pub|shr|aut|list|indicator|uplink|chk)_[a-z_]+"
    r"|ledger|ledger_publication|defects|records_index|subject_changes",
}
MAY_READ = {
    "staging": {"source"},
    "intermediate": {"staging", "intermediate"},
    "marts": {"staging", "intermediate"},
}
# Rules are read where they are applied; a staging view in between would only repeat their columns.
RULE_TABLES = {
    "publication_windows",
    "window_transitions",
    "derived_severities",
    "list_terms",
    "role_names",
    "masking",
    "redaction",
}
# Public columns that no department delivers.
DERIVED = {
    "subject_id", "record_id", "rule_id", "record_version", "first_accepted_date", "publication_min_end_date",
    "publication_end_date", "list_code", "list_type", "term_end_date", "organisation_code", "masked_id_no",
}  # fmt: skip
SLOW_JOINS = ("BLOCKWISE_NL_JOIN", "NESTED_LOOP_JOIN", "CROSS_PRODUCT")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> PartialRun:
    """Every model, run on a city without deliveries."""
    return PartialRun(City(tmp_path_factory.mktemp("city")), TODAY, ["*"])


@pytest.fixture(scope="module")
def manifest(run: PartialRun) -> dict[str, Any]:
    """dbt's manifest."""
    found: dict[str, Any] = json.loads((run.folder / "dbt" / "manifest.json").read_text("utf-8"))
    return found


def models(manifest: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield every model; there are some."""
    found = [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]
    assert len(found) >= 35
    yield from found


def test_models_lie_in_a_layer_and_are_named_after_it(manifest: dict[str, Any]) -> None:
    wrong = [m["name"] for m in models(manifest) if not re.fullmatch(NAMES[m["fqn"][1]], m["name"])]
    assert wrong == []
    departments = set(load_catalog(REPOSITORY / "catalog").departments) | {"platform"}
    staging = [m for m in models(manifest) if m["fqn"][1] == "staging"]
    assert {m["fqn"][2] for m in staging} <= departments
    assert [m["name"] for m in staging if not m["name"].startswith(f"stg_{m['fqn'][2]}__")] == []


def test_a_layer_reads_only_the_layers_before_it(manifest: dict[str, Any]) -> None:
    wrong = []
    for model in models(manifest):
        for parent in model["depends_on"]["nodes"]:
            if parent.startswith("source."):
                name = manifest["sources"][parent]["name"]
                kind = "rules" if name in RULE_TABLES else "source"
            else:
                kind = manifest["nodes"][parent]["fqn"][1]
            if kind not in MAY_READ[model["fqn"][1]] | {"rules"}:
                wrong.append((model["name"], parent))
    assert wrong == []


def test_every_model_says_five_facts_describes_its_columns_and_tests_its_grain(
    manifest: dict[str, Any], run: PartialRun
) -> None:
    tested = {t.get("attached_node") for t in manifest["nodes"].values() if t["resource_type"] == "test"}
    for model in models(manifest):
        name = model["name"]
        assert model["patch_path"].endswith(model["path"].replace(".sql", ".yml")), name
        assert [fact for fact in FACTS if fact not in model["description"]] == [], name
        assert model["unique_id"] in tested, name
        columns = run.rows(f"select column_name from duckdb_columns() where table_name = '{name}'")
        described = {column for column, said in model["columns"].items() if said["description"]}
        assert described == {row["column_name"] for row in columns}, name
        if model["config"]["materialized"] == "release":
            assert set(model["config"]["meta"]["grain"]) <= described, name


def test_sources_and_datasets_are_those_of_the_catalogue(manifest: dict[str, Any]) -> None:
    tables = {contract.table for contract in load_catalog(REPOSITORY / "catalog").contracts.values()}
    by_source: dict[str, set[str]] = {}
    for source in manifest["sources"].values():
        by_source.setdefault(source["source_name"], set()).add(source["name"])
    assert by_source["records"] <= tables
    assert by_source["rooms"] == {"records", "rejects"}
    assert by_source["linking"] <= set(LINKING)
    assert by_source["platform"] <= set(PLATFORM)
    modelled = set(re.findall(r"^      '([a-z_.]+)': \(", STATES.read_text("utf-8"), re.MULTILINE))
    assert {name.replace(".", "__") for name in modelled} == by_source["records"]


def test_public_columns_are_opted_in_by_a_contract_or_declared_as_derived(manifest: dict[str, Any]) -> None:
    contracts = load_catalog(REPOSITORY / "catalog").contracts
    public = [m for m in models(manifest) if m["config"].get("level") == "public"]
    assert {m["name"] for m in public} == {"pub_licence", "pub_list_current", "pub_penalty", "pub_subject"}
    for model in public:
        for name, column in model["columns"].items():
            meta = column["config"]["meta"]
            if meta.get("derived"):
                assert name in DERIVED, f"{model['name']}.{name}"
                continue
            for field in meta["fields"]:
                dataset, _, field_name = field.rpartition(".")
                assert contracts[dataset].fields[field_name].publish, f"{model['name']}.{name}: {field}"


def test_no_plan_has_a_nested_loop_or_a_cross_product(manifest: dict[str, Any], run: PartialRun) -> None:
    explained = 0
    with duckdb.connect(str(run.database)) as connection:
        connection.execute("set asof_loop_join_threshold = 0")  # as profiles.yml has it
        for node in manifest["nodes"].values():
            path = run.folder / "dbt" / "compiled" / "creditlake" / node["original_file_path"]
            if node["resource_type"] != "model":
                continue
            plan = str(connection.execute(f"explain {path.read_text('utf-8')}").fetchall())
            assert [join for join in SLOW_JOINS if join in plan] == [], node["name"]
            explained += 1
    assert explained >= 35


def test_the_plan_test_would_see_a_slow_join() -> None:
    with duckdb.connect() as connection:
        connection.execute("create table a as select 1 as k, 1 as x; create table b as select 1 as k, 1 as x")
        plan = str(
            connection.execute("explain select * from a left join b on b.k = a.k and a.x > 1").fetchall()
        )
    assert "BLOCKWISE_NL_JOIN" in plan


def test_a_bare_dbt_run_refuses_to_write_marts(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    from dbt.cli.main import dbtRunner

    with environment(settings_at(tmp_path), tmp_path / "empty.duckdb"):
        outcome = dbtRunner().invoke([
            "run", "--select", "ledger_publication", "--project-dir", str(PROJECT), "--profiles-dir",
            str(PROJECT), "--target-path", str(tmp_path), "--log-path", str(tmp_path), "--no-version-check",
        ])  # fmt: skip
    assert not outcome.success
    assert "candidate_folder is not set" in capfd.readouterr().out
    assert list(tmp_path.glob("**/*.parquet")) == []
