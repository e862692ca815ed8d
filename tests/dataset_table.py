"""`python -m tests.dataset_table` writes docs/datasets.md: every dataset × shape × the tests run for it."""

from pathlib import Path

from creditlake.catalog import Catalog, load_catalog
from creditlake.contract import Contract, Delivery
from creditlake.settings import REPOSITORY

PAGE = REPOSITORY / "docs" / "datasets.md"
DECODE = "tests/unit/decode"
# The reader of each shape has tests of its own: cut files, wrong encodings, bombs, every dialect.
READER_TESTS = {
    "csv": ("test_csv.py", "test_encodings.py"),
    "xlsx": ("test_workbook.py",),
    "xls": ("test_workbook.py",),
    "html": ("test_html.py",),
    "jsonl": ("test_jsonl.py",),
    "json": ("test_json_array.py",),
    "xml": ("test_xml.py",),
    "zip": ("test_archive.py",),
    "older template": ("test_older_template.py",),
}
EVERY_DATASET = (
    "tests/unit/simulate/test_plain.py::test_a_plain_file_decodes_to_the_rows_it_was_made_of",
    "tests/spark/test_every_dataset.py::test_plain_rows_are_accepted_without_a_defect",
)
HEAD = """# Datasets, shapes, tests

Written by `python -m tests.dataset_table`; a test holds it to the catalogue, so a new contract is a row.
These run for every dataset, from a file in its own shape to accepted records, its name being the parameter:

{tests}

| dataset | 名称 | cycle | kind | shape | tests of the shape |
|---|---|---|---|---|---|
"""


def shapes(contract: Contract) -> tuple[str, ...]:
    """Return the shapes in which a dataset may come, by the names of READER_TESTS."""
    delivery = contract.delivery
    packed = (delivery.archive,) if delivery.archive else ()
    older = ("older template",) if contract.older_templates else ()
    return (delivery.format, *delivery.also_accepts, *packed, *older)


def describe_shape(delivery: Delivery) -> str:
    """Return the shape with what is special about it."""
    parts = ["/".join((delivery.format, *delivery.also_accepts))]
    if delivery.format == "csv":
        parts += [
            delivery.encoding,
            "" if delivery.delimiter == "," else f"delimiter `{delivery.delimiter!r}`",
        ]
        parts += ["unquoted" if delivery.quoting == "none" else ""]
    if delivery.header_row > 1:
        parts.append(f"header in row {delivery.header_row}")
    if delivery.footer_markers:
        parts.append("notes below")
    if delivery.sheets != "first":
        parts.append("several sheets")
    if delivery.archive:
        parts.append(f"packed as {delivery.archive}")
    return ", ".join(filter(None, parts)).replace("|", "\\|")


def row(contract: Contract) -> str:
    """Return one line of the table."""
    delivery = contract.delivery
    kind = delivery.kind.replace("_", " ") + (" with I/U/D" if contract.change_field else "")
    tests = sorted({f"{DECODE}/{file}" for shape in shapes(contract) for file in READER_TESTS[shape]})
    shape = ", ".join(
        [
            describe_shape(delivery),
            *(f"also the template of {older.version}" for older in contract.older_templates),
        ]
    )
    cells = [contract.name, contract.title, delivery.cycle, kind, shape]
    return f"| {' | '.join([*cells, ', '.join(f'`{test}`' for test in tests)])} |\n"


def render(catalog: Catalog) -> str:
    """Return the page."""
    tests = "\n".join(f"- `{test}`" for test in EVERY_DATASET)
    rows = (row(contract) for _, contract in sorted(catalog.contracts.items()))
    return HEAD.format(tests=tests) + "".join(rows)


def main(page: Path = PAGE) -> None:
    """Write the page."""
    page.write_text(render(load_catalog(REPOSITORY / "catalog")))


if __name__ == "__main__":
    main()
