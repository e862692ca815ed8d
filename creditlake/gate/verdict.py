"""One verdict from all checks: pass or hold, with every reason and whom to ask."""

from pathlib import Path
from typing import Any

import duckdb

from creditlake.candidate import CandidateManifest, TestRun, read_candidate
from creditlake.duck import open_duckdb, quote_name
from creditlake.gate.declaration import Declaration, Rules, read_rules
from creditlake.gate.envelopes import TableEnvelope, check_envelope
from creditlake.gate.ledger import check_ledger
from creditlake.gate.model import Finding, TableEntry, Verdict, hash_content
from creditlake.gate.personal_data import scan_table
from creditlake.gate.suites import run_suite
from creditlake.published import ReleaseManifest, read_current
from creditlake.storage import Lake

PLATFORM = "data_platform"


def judge(lake: Lake, build: str, scratch: Path, rules: Rules | None = None) -> Verdict:
    """Return the verdict on a candidate against the release that is published now.

    Every table's bytes are verified first: raises CorruptObject, which is no verdict but an error.
    """
    rules = rules or read_rules()
    candidate = read_candidate(lake, build)
    parent = read_current(lake)
    findings, checks = _check_build(candidate)
    for name, entry in sorted(candidate.tables.items()):
        declaration = rules.declarations.get(name)
        findings += _check_declared(name, entry, declaration)
        checks["declaration"] += 1
        if declaration is None:
            continue
        paths = lake.localise(entry.files, scratch)
        if entry.level == "public":
            with open_duckdb(scratch) as connection:
                findings += scan_table(connection, declaration, dict(entry.columns), paths)
            checks["personal_data"] += len(entry.columns)
        if set(declaration.columns) <= {column for column, _ in entry.columns}:
            findings += run_suite(declaration, paths)
            checks["expectation"] += len(declaration.expectations)
    envelopes = {name: TableEnvelope.model_validate(body) for name, body in rules.envelopes.items()}
    findings += _check_envelopes(lake, candidate, parent, envelopes, scratch)
    checks["envelope"] = len(envelopes) if parent else 0
    findings += _check_complete(candidate, rules, checks)
    return Verdict(
        build=build,
        business_date=candidate.business_date,
        candidate_hash=hash_content(candidate.tables),
        rules_hash=rules.digest,
        parent=parent.release_id if parent else None,
        verdict="hold" if any(f.severity == "hold" for f in findings) else "pass",
        checks=checks,
        findings=tuple(sorted(findings, key=lambda f: (f.severity, f.check, f.table or "", f.name))),
    )


def count_groups(
    connection: duckdb.DuckDBPyConnection, paths: list[Path], by: str | None
) -> dict[str | None, int]:
    """Count the rows of a table and of its groups, read from a column, never from file metadata."""
    if not paths:
        return {None: 0}
    files = {"files": [str(path) for path in paths]}
    if by is None:
        row = connection.execute("select count(*) from read_parquet($files)", files).fetchone()
        return {None: row[0] if row else 0}
    query = f"select {quote_name(by)}::varchar, count(*) from read_parquet($files) group by 1"  # noqa: S608
    rows = connection.execute(query, files).fetchall()
    return {None: sum(n for _, n in rows)} | {group or "": n for group, n in rows}


def _check_build(candidate: CandidateManifest) -> tuple[list[Finding], dict[str, int]]:
    """Read what the build itself reports: models, dbt tests and the ledger."""
    findings = [f for test in candidate.tests if (f := _read_test(test))]
    for model in candidate.models:
        if model.status not in ("success", "pass"):
            findings.append(
                _platform(
                    "dbt_test",
                    f"model_{model.name}",
                    f"model {model.name}: {model.status} {model.message}".strip(),
                    f"模型 {model.name} 未完成",
                )
            )
    findings += check_ledger(candidate.ledger, candidate.batches)
    counts = {"declaration": 0, "expectation": 0, "personal_data": 0, "dbt_test": len(candidate.tests)}
    return findings, counts | {"ledger": len(candidate.ledger)}


def _read_test(test: TestRun) -> Finding | None:
    if test.status in ("success", "pass"):
        return None
    ran = test.status in ("fail", "warn")
    return Finding(
        check="dbt_test",
        name=test.name,
        table=test.model,
        ask=PLATFORM,
        severity="warn" if ran and test.severity == "warn" else "hold",
        message=f"dbt test {test.name}: {test.status}, {test.failures} rows. {test.message}".strip(),
        message_zh=f"规则检查 {test.name} 未通过（{test.failures} 行）",
        observed=test.failures,
        limit=0,
    )


def _check_declared(name: str, entry: TableEntry, declaration: Declaration | None) -> list[Finding]:
    """Refuse a table nobody declared, another level, grain or column than declared."""
    if declaration is None:
        return [
            _platform(
                "declaration",
                name,
                f"{name} has no declaration in expectations/suites/{name}.yml",
                f"表 {name} 没有发布声明",
                name,
            )
        ]
    findings = []
    found = {column for column, _ in entry.columns}
    for what, expected, observed in (
        ("level", declaration.level, entry.level),
        ("grain", list(declaration.grain), list(entry.grain)),
        ("columns", sorted(declaration.columns), sorted(found)),
    ):
        if expected != observed:
            extra = (
                f" (added {sorted(found - set(declaration.columns))}, missing "
                f"{sorted(set(declaration.columns) - found)})"
                if what == "columns"
                else f" ({expected} → {observed})"
            )
            findings.append(
                _platform(
                    "declaration",
                    f"{name}_{what}",
                    f"{name}: {what} differ from the declaration{extra}",
                    f"表 {name} 的 {what} 与发布声明不一致{extra}",
                    name,
                )
            )
    return findings


def _check_envelopes(
    lake: Lake,
    candidate: CandidateManifest,
    parent: ReleaseManifest | None,
    envelopes: dict[str, TableEnvelope],
    scratch: Path,
) -> list[Finding]:
    """Compare row counts with the published release; the first release has nothing to compare with."""
    if parent is None:
        return []
    findings = []
    with open_duckdb(scratch) as connection:
        for name, rules in sorted(envelopes.items()):
            counts = []
            for tables in (parent.tables, candidate.tables):
                entry = tables.get(name)
                paths = lake.localise(entry.files, scratch) if entry else []
                counts.append(count_groups(connection, paths, rules.by))
            findings += check_envelope(name, rules, *counts)
    return findings


def _check_complete(candidate: CandidateManifest, rules: Rules, checks: dict[str, int]) -> list[Finding]:
    """Refuse a candidate that lacks a declared table, and a gate run in which a kind of check did not run."""
    findings = [
        _platform(
            "declaration",
            f"{name}_missing",
            f"{name} is declared but not in the candidate",
            f"缺少表 {name}",
            name,
        )
        for name in sorted(set(rules.declarations) - set(candidate.tables))
    ]
    if candidate.status != "ok":
        findings.append(_platform("dbt_test", "build_failed", "the build did not finish", "构建未完成"))
    for kind in ("declaration", "expectation", "personal_data", "dbt_test", "ledger"):
        if not checks[kind]:
            findings.append(
                _platform("declaration", f"no_{kind}", f"no {kind} check ran", f"没有执行 {kind} 检查")
            )
    return findings


def _platform(check: Any, name: str, message: str, message_zh: str, table: str | None = None) -> Finding:
    """A finding for the platform team that no approval settles: something of ours is broken."""
    return Finding(
        check=check,
        name=name,
        table=table,
        severity="hold",
        message=message,
        message_zh=message_zh,
        ask=PLATFORM,
        approvable=False,
    )
