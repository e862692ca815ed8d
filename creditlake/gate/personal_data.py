"""The scan for personal numbers over every column of every public table.

Every column is scanned, also those nobody expects anything of: most leaks are a value in the wrong
column. A typed column is held against its type. A value that has the type's shape counts as that
type, because one in ten valid codes passes a card check by chance and 3 % of registration numbers
read as a birth date; only when more values coincide than chance explains is it a finding. A value
without the shape is read as free text, where a single hit holds the release.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import sqrt
from pathlib import Path

import duckdb

from creditlake.duck import quote_name, quote_text
from creditlake.gate.declaration import ColumnMeaning, Declaration
from creditlake.gate.model import Finding
from creditlake.gate.patterns import USCC_SHAPE, add_personal_macros

SHAPES = {
    ColumnMeaning.HASH: "[LN]?[0-9a-f]{24,64}",
    ColumnMeaning.USCC: USCC_SHAPE,
    ColumnMeaning.ORG_CODE: "[0-9A-Z]{8}[0-9X]",
    ColumnMeaning.PARTY_CODE: f"[0-9A-Z]{{8}}[0-9X]|{USCC_SHAPE}",
    ColumnMeaning.REG_NO: "[0-9]{15}",
    ColumnMeaning.TAX_ID: f"[0-9]{{6}}[0-9A-Z]{{8}}[0-9X]|{USCC_SHAPE}",
    ColumnMeaning.DIVISION: "[0-9]{6}|[0-9]{9}|[0-9]{12}",
    ColumnMeaning.CODE: "[0-9A-Za-z_.-]{1,10}|[A-Z][A-Z_]{0,39}",
    ColumnMeaning.MASKED_ID: "[0-9A-Z]{0,10}[*]{4,}[0-9A-Z]{0,4}",
    ColumnMeaning.MASKED_NAME: ".[*]+",
}
STORED_AS = {
    ColumnMeaning.DATE: "date",
    ColumnMeaning.BOOLEAN: "boolean",
    ColumnMeaning.INTEGER: "int",
    ColumnMeaning.AMOUNT: "decimal",
    ColumnMeaning.LIST: "list",
}
HARMLESS = frozenset({"date", "boolean"})  # these Parquet types cannot hold a personal number
# Share of well-formed codes that read as a personal number by chance.
CHANCE = {
    (ColumnMeaning.USCC, "card"): 0.10,
    (ColumnMeaning.USCC, "resident_id"): 0.001,
    (ColumnMeaning.PARTY_CODE, "card"): 0.10,
    (ColumnMeaning.PARTY_CODE, "resident_id"): 0.001,
    (ColumnMeaning.REG_NO, "resident_id"): 0.05,
    (ColumnMeaning.TAX_ID, "card"): 0.10,
    (ColumnMeaning.TAX_ID, "resident_id"): 0.05,
}
SIGMAS = 5
SLACK = 5  # below this many coincidences chance cannot be told from a leak
KIND_ZH = {"resident_id": "身份证号码", "mobile": "手机号码", "card": "银行卡号"}


@dataclass
class ColumnScan:
    """What one column holds: counts of values, and of personal numbers by kind."""

    values: int = 0
    hits: dict[str, int] = field(default_factory=dict)  # personal numbers in values read as text
    alike: dict[str, int] = field(default_factory=dict)  # well-formed codes that also read as one
    example: str | None = None  # key of one row with a hit, where the key is ours


def scan_table(
    connection: duckdb.DuckDBPyConnection,
    declaration: Declaration,
    schema: dict[str, str],
    paths: Sequence[Path],
) -> list[Finding]:
    """Return the findings of one public table; one pass over its files.

    `schema` is what the files hold; a column missing in the declaration is scanned as text all the same.
    """
    findings = [f for column, stored in schema.items() if (f := _check_stored(declaration, column, stored))]
    scans = scan_columns(connection, declaration, schema, paths)
    for column, scan in scans.items():
        findings += _judge(declaration, column, scan)
    return findings


def scan_columns(
    connection: duckdb.DuckDBPyConnection,
    declaration: Declaration,
    schema: dict[str, str],
    paths: Sequence[Path],
) -> dict[str, ColumnScan]:
    """Count personal numbers per column, for the columns that hold any.

    A cheap pattern picks the values that may hold one out of every column; only those meet the check digits.
    """
    columns = [c for c, stored in schema.items() if stored not in HARMLESS]
    if not columns or not paths:
        return {}
    add_personal_macros(connection)
    files = {"files": [str(path) for path in paths]}
    scans = {column: ColumnScan() for column in columns}
    for name, is_code, kind, count in connection.execute(
        _count_kinds(declaration, columns), files
    ).fetchall():
        part = scans[name].alike if is_code and kind != "person" else scans[name].hits
        kind = "resident_id" if kind == "person" else kind
        part[kind] = part.get(kind, 0) + count
    for column in (c for c, scan in scans.items() if scan.alike):
        query = f"select count({quote_name(column)}) from read_parquet($files)"  # noqa: S608  quoted
        scans[column].values = connection.execute(query, files).fetchall()[0][0]
    if hit := [c for c, scan in scans.items() if scan.hits]:
        for name, example in connection.execute(_find_examples(declaration, hit), files).fetchall():
            scans[name].example = example
    return scans


def _count_kinds(declaration: Declaration, columns: Sequence[str]) -> str:
    """Return a query for name, is_code, kind and number of the personal numbers in some columns."""
    suspects = " union all ".join(_pick_suspects(declaration, column) for column in columns)
    kind = "case when is_code then code_kind(value) else personal_kind(value) end"
    kinds = f"select name, is_code, {kind} as kind from ({suspects})"  # noqa: S608  quoted names
    counted = f"select name, is_code, kind, count(*) from ({kinds})"  # noqa: S608  as above
    return f"{counted} where kind is not null group by all order by all"


def _find_examples(declaration: Declaration, columns: Sequence[str]) -> str:
    """Return a query for one row with a personal number per column, by a key of ours."""
    suspects = " union all ".join(_pick_suspects(declaration, column, with_key=True) for column in columns)
    is_hit = "case when is_code then code_kind(value) = 'person' else personal_kind(value) is not null end"
    return f"select name, min(row_key) from ({suspects}) where {is_hit} group by name"  # noqa: S608  quoted names


def _pick_suspects(declaration: Declaration, column: str, *, with_key: bool = False) -> str:
    """Return a query for the values of a column that need a second look, and how to read them."""
    meaning = declaration.columns.get(column)
    value, shape = f"{quote_name(column)}::varchar", SHAPES.get(meaning) if meaning else None
    is_code = f"regexp_full_match({value}, '{shape}')" if shape else "false"
    is_suspect = f"case when {is_code} then {_may_coincide(meaning, value)} else may_be_personal({value}) end"
    key = f", {_own_key(declaration)} as row_key" if with_key else ""
    chosen = f"{quote_text(column)} as name, {value} as value, {is_code} as is_code{key}"
    return f"select {chosen} from read_parquet($files) where {is_suspect}"  # noqa: S608  quoted


def _may_coincide(meaning: ColumnMeaning | None, value: str) -> str:
    """Tell codes that could also be read as a personal number; other shapes have no room for one."""
    if any(coincides is meaning for coincides, _ in CHANCE):
        return f"regexp_full_match({value}, '[0-9]{{15}}|[0-9]{{17}}[0-9X]')"
    return "false"


def _own_key(declaration: Declaration) -> str:
    """Return the first column of the grain that holds our own ids, where the value is one: safe to report."""
    for column in declaration.grain:
        if declaration.columns[column] is ColumnMeaning.HASH:
            name = quote_name(column)
            return f"case when regexp_full_match({name}, '{SHAPES[ColumnMeaning.HASH]}') then {name} end"
    return "null::varchar"


def _check_stored(declaration: Declaration, column: str, stored: str) -> Finding | None:
    """Refuse a column that is stored as another type than its meaning needs."""
    meaning = declaration.columns.get(column)
    wanted = STORED_AS.get(meaning, "text") if meaning else stored
    if stored.startswith(wanted):
        return None
    return Finding(
        check="personal_data",
        name="stored_type",
        table=declaration.table,
        severity="hold",
        ask=declaration.owner,
        message=f"{column} is declared {meaning} but stored as {stored}",
        message_zh=f"字段 {column} 声明为 {meaning}，实际存储类型为 {stored}",
        approvable=False,
    )


def _judge(declaration: Declaration, column: str, scan: ColumnScan) -> list[Finding]:
    """Turn the counts of one column into findings."""
    findings = []
    where = f"{declaration.table}.{column}"
    example = f", e.g. row {scan.example}" if scan.example else ""
    for kind, count in sorted(scan.hits.items()):
        findings.append(
            Finding(
                check="personal_data",
                name=f"{kind}_in_{column}",
                table=declaration.table,
                severity="hold",
                message=f"{where}: {count} values hold a {kind.replace('_', ' ')}{example}",
                message_zh=f"公开表 {where} 中有 {count} 个值含{KIND_ZH[kind]}，不得公开",
                ask=declaration.owner,
                observed=count,
                limit=0,
                approvable=False,
            )
        )
    meaning = declaration.columns.get(column)
    for kind, count in sorted(scan.alike.items()):
        allowed = allowed_by_chance(scan.values, CHANCE.get((meaning, kind), 0.0)) if meaning else 0
        if count > allowed:
            findings.append(
                Finding(
                    check="personal_data",
                    name=f"{kind}_like_{column}",
                    table=declaration.table,
                    severity="hold",
                    message=f"{where}: {count} of {scan.values} codes also read as a "
                    f"{kind.replace('_', ' ')}; chance explains {allowed:.0f}",
                    message_zh=f"公开表 {where} 中 {count} 个代码同时符合{KIND_ZH[kind]}规则，"
                    f"超出偶然范围（{allowed:.0f}）",
                    ask=declaration.owner,
                    observed=count,
                    limit=allowed,
                    approvable=False,
                )
            )
    return findings


def allowed_by_chance(values: int, rate: float) -> float:
    """Return how many coincidences among `values` codes are still chance (mean, five sigmas, a slack)."""
    return values * rate + SIGMAS * sqrt(values * rate) + SLACK
