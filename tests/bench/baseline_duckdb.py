"""B: the seconds that the plainest deterministic linker needs on this machine; frozen, do not tune.

Reads the cells room (text as delivered), normalises codes and names, joins on code, legacy codes and
unique name, and writes one Parquet row per record. Every speed target of the project is a multiple of
its wall seconds, measured in the same run on the same data, because machines differ. It is a yardstick,
not a rival: it keeps no evidence, asks nobody and links on a name alone.
"""

import argparse
import json
import time
from pathlib import Path

import duckdb

# dataset: name, then expressions for code (USCC or resident ID), organisation code, register and tax number
PARTIES = {
    "market_regulation/penalty_decision": (
        "counterpart_name",
        "coalesce(uscc, id_no)",
        "org_code",
        "reg_no",
        "tax_id",
    ),
    "administrative_approval/licence_decision": (
        "counterpart_name",
        "coalesce(uscc, id_no)",
        "org_code",
        "reg_no",
        "tax_id",
    ),
    "court/judgment_defaulter": ("name", "party_code", "party_code", "null", "null"),
    "tax/a_level_taxpayer": ("taxpayer_name", "uscc", "null", "null", "tax_id"),
    "market_regulation/entity_change": ("null", "uscc", "null", "null", "null"),
    "credit_office/repair_decision": ("counterpart_name", "coalesce(uscc, id_no)", "null", "null", "null"),
}
FULL_WIDTH = "０１２３４５６７８９ＡＢＣＤＥＦＧＨＪＫＬＭＮＰＱＲＴＵＷＸＹ（）"
HALF_WIDTH = "0123456789ABCDEFGHJKLMNPQRTUWXY()"


def normalise_code(expression: str) -> str:
    """SQL: width, case, blanks, apostrophes and hyphens of a code."""
    half = f"upper(translate({expression}, '{FULL_WIDTH}', '{HALF_WIDTH}'))"
    return f"nullif(regexp_replace({half}, '[\\s''-]', '', 'g'), '')"


def normalise_name(expression: str) -> str:
    """SQL: width and blanks of a name."""
    return (
        f"nullif(regexp_replace(translate({expression}, '{FULL_WIDTH}', '{HALF_WIDTH}'), '\\s', '', 'g'), '')"
    )


def latest_snapshot(cells: Path, dataset: str) -> str:
    """Return the glob of the register batch with most rows; a damaged snapshot is smaller."""
    batches = sorted(
        cells.glob(f"{dataset}/*/*/part-*.parquet"), key=lambda path: (path.stat().st_size, str(path))
    )
    if not batches:
        raise SystemExit(f"no cells of {dataset} under {cells}; run the decode step first")
    return str(batches[-1].parent / "part-*.parquet")


def link(connection: duckdb.DuckDBPyConnection, cells: Path, target: Path) -> None:
    """Create the links of every record under `cells` and write them to `target`."""
    parties = []
    for dataset, (name, code, org_code, reg_no, tax_id) in PARTIES.items():
        glob = str(cells / dataset / "*" / "*" / "part-*.parquet")
        parties.append(
            f"select '{dataset}' as dataset, filename as file, row_no, {normalise_name(name)} as name, "
            f"{normalise_code(code)} as code, {normalise_code(org_code)} as org_code, "
            f"{normalise_code(reg_no)} as reg_no, {normalise_code(tax_id)} as tax_id "
            f"from read_parquet('{glob}', filename = true, union_by_name = true)"
        )
    legal = latest_snapshot(cells, "market_regulation/entity_register")
    natural = latest_snapshot(cells, "public_security/population_register")
    connection.execute(
        f"create table subjects as select 'L' || pripid as subject, {normalise_code('uscc')} as code, "
        f"{normalise_code('reg_no')} as reg_no, {normalise_name('ent_name')} as name "
        f"from read_parquet('{legal}') "
        f"union all select 'N' || row_no, {normalise_code('id_no')}, null, null "
        f"from read_parquet('{natural}')"
    )
    for key, expression in (
        ("code", "code"),
        ("org", "case when length(code) = 18 and subject[1] = 'L' then code[9:17] end"),
        ("reg", "reg_no"),
        ("name", "name"),
    ):
        connection.execute(
            f"create table by_{key} as select {expression} as k, min(subject) as subject from subjects "
            f"where {expression} is not null group by 1 having count(*) = 1"
        )
    connection.execute(
        f"""
        copy (
            select dataset, file, row_no,
                coalesce(c.subject, o.subject, t.subject, r.subject, n.subject) as subject,
                case when c.subject is not null then 'code' when o.subject is not null then 'org_code'
                    when t.subject is not null then 'tax_id' when r.subject is not null then 'reg_no'
                    when n.subject is not null then 'name' end as tier
            from ({" union all ".join(parties)}) p
            left join by_code c on c.k = p.code left join by_org o on o.k = p.org_code
            left join by_org t on t.k = case when length(p.tax_id) = 15 then p.tax_id[7:15] end
            left join by_reg r on r.k = p.reg_no left join by_name n on n.k = p.name
        ) to '{target}' (format parquet, compression zstd)
        """
    )


def main() -> None:
    """Print one JSON line: records, linked, rows' hash, seconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cells", type=Path)
    parser.add_argument("target", type=Path)
    arguments = parser.parse_args()
    connection = duckdb.connect()
    connection.execute("set threads = 2; set memory_limit = '8GB'; set preserve_insertion_order = false")
    start = time.perf_counter()
    link(connection, arguments.cells, arguments.target)
    seconds = time.perf_counter() - start
    found = connection.execute(
        "select count(*), count(subject), "
        "sum(('0x' || md5(concat_ws('|', dataset, row_no, subject, tier))[1:12])::ubigint)::varchar "
        f"from '{arguments.target}'"
    ).fetchone()
    assert found is not None
    print(
        json.dumps(
            {"records": found[0], "linked": found[1], "rows_hash": found[2], "seconds": round(seconds, 2)}
        )
    )


if __name__ == "__main__":
    main()
