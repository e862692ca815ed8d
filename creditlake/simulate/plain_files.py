"""Plain rows as a delivery: the file in its contract's shape, named and stamped as the department would."""

import csv
import json
import zipfile
from collections.abc import Collection, Iterator, Mapping
from datetime import date, time
from hashlib import sha256
from pathlib import Path
from xml.sax.saxutils import escape

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from creditlake.catalog import Catalog
from creditlake.contract import Contract
from creditlake.simulate.engine import DeliveredFile, Simulation
from creditlake.simulate.files import SHEET, SHEET_PARTS, ZIP_DATE, sheet_row, stamp_file
from creditlake.simulate.plain import PlainDraws, PlainParty

DELIVERED = time(3, 30)
PARTIES = 5_000  # at most so many subjects of each kind take part
LEAST_ROWS = 12
SPREAD_DAYS = 12  # on how many days the other datasets are spread: each costs a second of Spark's planning
TRUTH: dict[str, pa.DataType] = {
    "dataset": pa.string(),
    "delivered_date": pa.date32(),
    "file": pa.string(),
    "row_no": pa.int64(),
    "record": pa.int64(),
    "row_kind": pa.string(),
    "subject_kind": pa.string(),
    "subject_key": pa.string(),
    "in_register": pa.bool_(),
    "noise": pa.string(),
    "defects": pa.list_(pa.string()),
    "expected_outcome": pa.string(),
    "expected_link": pa.string(),
}
LEGAL_SQL = """
    select case kind when 'shop' then 'shop' else 'legal' end as kind, name, uscc, org_code,
        coalesce(reg_no, '') as reg_no, coalesce(tax_id, uscc) as tax_id, rep_name, pripid
    from legal_entity where in_register and kind in ('shop', 'company') order by entity limit ?
"""
NATURAL_SQL = """
    select person_name, id_no from natural_person
    where in_register and not is_minor order by person limit ?
"""


def read_parties(connection: duckdb.DuckDBPyConnection) -> tuple[list[PlainParty], list[PlainParty]]:
    """Return legal and natural subjects that the registers hold from the first day on."""
    legal = [
        PlainParty(kind, name, uscc, org_code, reg_no, tax_id, legal_rep=rep, source_key=pripid)
        for kind, name, uscc, org_code, reg_no, tax_id, rep, pripid in connection.execute(
            LEGAL_SQL, [PARTIES]
        ).fetchall()
    ]
    natural = [
        PlainParty("natural", name, id_no=id_no)
        for name, id_no in connection.execute(NATURAL_SQL, [PARTIES]).fetchall()
    ]
    return legal, natural


def deliver_plain(simulation: Simulation, catalog: Catalog, known: Collection[str], day_no: int) -> None:
    """Deliver the datasets that are not `known`: each on one day in twelve."""
    day, seed = simulation.days[day_no], simulation.report.seed
    legal, natural = read_parties(simulation.connection)
    count = max(LEAST_ROWS, int(simulation.report.records * simulation.rates.plain))
    others = [contract for name, contract in sorted(catalog.contracts.items()) if name not in known]
    for place, contract in enumerate(others):
        if (place + day_no) % SPREAD_DAYS:
            continue
        draws = PlainDraws(contract, catalog, legal, natural, day, seed)
        whole = contract.delivery.kind == "full_snapshot"
        first = 0 if whole else day_no * count
        path = write_plain(draws, simulation.day_folder(day, contract.name), first, count)
        write_truth(simulation.target / "truth", draws, path, first, count)
        delivered = DeliveredFile(
            day, contract.name, f"{path.parent.name}/{path.name}", count, path.stat().st_size
        )
        simulation.report.files.append(delivered)


def write_truth(folder: Path, draws: PlainDraws, path: Path, first: int, count: int) -> None:
    """Write which subject each row is about; plain rows have no defect."""
    folder.mkdir(parents=True, exist_ok=True)
    contract = draws.contract
    has_header = contract.delivery.format in ("csv", "xlsx")
    first_row = contract.delivery.header_row + 1 if has_header else 1
    has_number = any((contract.subject.uscc, contract.subject.id_no, contract.subject.party_code))
    rows: list[dict[str, object]] = [
        {
            "dataset": contract.name,
            "delivered_date": draws.received,
            "file": path.name,
            "row_no": first_row + place,
            "record": first + place,
            "row_kind": "new",
            "subject_kind": "natural" if party.id_no else "legal",
            "subject_key": sha256(party.id_no.encode()).hexdigest() if party.id_no else party.source_key,
            "in_register": True,
            "noise": "none",
            "defects": [],
            "expected_outcome": "accepted",
            "expected_link": "exact" if has_number else "unlinked",
        }
        for place, (party, _) in enumerate(draws.rows(first, count))
    ]
    pq.write_table(
        pa.Table.from_pylist(rows, pa.schema(TRUTH)), folder / f"{contract.name}.{path.name}.000.parquet"
    )


def write_plain(draws: PlainDraws, folder: Path, first: int, count: int) -> Path:
    """Write one delivery of `count` records from number `first` on into a department's folder."""
    contract = draws.contract
    path = folder / file_name(contract, draws.received)
    rows = (texts for _, texts in draws.rows(first, count))
    write = WRITERS["html" if "html" in contract.delivery.also_accepts else contract.delivery.format]
    if contract.delivery.archive:
        member = path.with_suffix(f".{contract.delivery.format}")
        write(contract, member, rows)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(zipfile.ZipInfo(member.name), member.read_bytes(), zipfile.ZIP_DEFLATED)
        member.unlink()
    else:
        write(contract, path, rows)
    stamp_file(path, draws.received, DELIVERED)
    return path


def file_name(contract: Contract, day: date) -> str:
    """Return a day's file name that only this contract's pattern takes."""
    return contract.delivery.file_pattern.replace("*", f"{day:%Y%m%d}", 1).replace("*", "")


def headers(contract: Contract) -> list[str]:
    """Return the template's own headers."""
    return [field.source_name for field in contract.fields.values()]


def write_csv(contract: Contract, path: Path, rows: Iterator[Mapping[str, str]]) -> None:
    """Write a text file with the contract's delimiter and encoding."""
    delivery = contract.delivery
    with path.open("w", encoding=delivery.encoding, newline="") as file:
        writer = csv.writer(file, delimiter=delivery.delimiter)
        for _ in range(1, delivery.header_row):
            writer.writerow([contract.title])
        writer.writerow(headers(contract))
        writer.writerows([row.get(name, "") for name in contract.fields] for row in rows)


def write_xlsx(contract: Contract, path: Path, rows: Iterator[Mapping[str, str]]) -> None:
    """Write a workbook without a clock in it: titles above the header, the rows as text, a note below."""
    delivery = contract.delivery
    table = [[contract.title]] * (delivery.header_row - 1)
    table += [headers(contract), *([row.get(name, "") for name in contract.fields] for row in rows)]
    table += [[f"{marker}见目录"] for marker in delivery.footer_markers[:1]]
    lines = b"".join(sheet_row(number, texts) for number, texts in enumerate(table, start=1)).decode()
    sheet = f'<worksheet xmlns="{SHEET}"><sheetData>{lines}</sheetData></worksheet>'
    with zipfile.ZipFile(path, "w") as package:
        for name, xml in {**SHEET_PARTS, "xl/worksheets/sheet1.xml": sheet}.items():
            part = zipfile.ZipInfo(name, ZIP_DATE)
            package.writestr(part, f'<?xml version="1.0" encoding="UTF-8"?>{xml}', zipfile.ZIP_DEFLATED)


def write_jsonl(contract: Contract, path: Path, rows: Iterator[Mapping[str, str]]) -> None:
    """Write one JSON object a line; an empty field is left out."""
    with path.open("w", encoding="utf-8", newline="") as file:
        for row in rows:
            file.write(json.dumps(json_record(contract, row), ensure_ascii=False) + "\n")


def json_record(contract: Contract, row: Mapping[str, str]) -> dict[str, str]:
    """Return a record by the template's keys, empty fields left out."""
    return {field.source_name: row[name] for name, field in contract.fields.items() if row.get(name)}


def write_json(contract: Contract, path: Path, rows: Iterator[Mapping[str, str]]) -> None:
    """Write an array of objects, where the contract looks for it, with the total that it asks for."""
    delivery = contract.delivery
    found: object = [json_record(contract, row) for row in rows]
    total = len(found) if isinstance(found, list) else 0
    *outer, last = delivery.records_path.split(".") if delivery.records_path else [""]
    if last:
        members = {last: found} | (
            {delivery.total_path.rpartition(".")[2]: total} if delivery.total_path else {}
        )
        found = members
        for key in reversed(outer):
            found = {key: found}
    path.write_text(json.dumps(found, ensure_ascii=False), encoding=delivery.encoding)


def write_xml(contract: Contract, path: Path, rows: Iterator[Mapping[str, str]]) -> None:
    """Write a message: one element a record, its fields the elements in it."""
    encoding, element = contract.delivery.encoding, contract.delivery.record_element
    with path.open("w", encoding=encoding) as file:
        file.write(f'<?xml version="1.0" encoding="{encoding.upper()}"?>\n<message><body>\n')
        for row in rows:
            fields = "".join(
                f"<{key}>{escape(text)}</{key}>" for key, text in json_record(contract, row).items()
            )
            file.write(f"<{element}>{fields}</{element}>\n")
        file.write("</body></message>\n")


def write_html(contract: Contract, path: Path, rows: Iterator[Mapping[str, str]]) -> None:
    """Write a web page with one table, as many systems export a spreadsheet."""
    delivery = contract.delivery
    with path.open("w", encoding=delivery.encoding) as file:
        file.write(f"<html><head><title>{escape(contract.title)}</title></head><body><table>\n")
        titles = [[contract.title]] * (delivery.header_row - 1)
        for cells in (
            *titles,
            headers(contract),
            *([row.get(n, "") for n in contract.fields] for row in rows),
        ):
            file.write("<tr>" + "".join(f"<td>{escape(text)}</td>" for text in cells) + "</tr>\n")
        file.write("</table></body></html>\n")


WRITERS = {
    "csv": write_csv,
    "xlsx": write_xlsx,
    "jsonl": write_jsonl,
    "json": write_json,
    "xml": write_xml,
    "html": write_html,
}
