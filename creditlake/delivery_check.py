"""Checks of a contract's delivery options: each belongs to some formats, and some need another.

An option that its format does not read would have no effect, and the officer who wrote it would not know.
"""

from collections.abc import Iterator

from creditlake.contract import Delivery

FORMATS = {
    "encoding": ("csv", "jsonl", "json", "xml"),
    "delimiter": ("csv",),
    "quoting": ("csv",),
    "header_row": ("csv", "xlsx"),
    "footer_markers": ("csv", "xlsx"),
    "also_accepts": ("xlsx",),
    "sheets": ("xlsx",),
    "records_path": ("json",),
    "total_path": ("json",),
    "record_element": ("xml",),
}


def check_options(delivery: Delivery) -> Iterator[tuple[str, str, str]]:
    """Yield (key, message, cure) of every option that its format does not read, lacks or contradicts."""
    given = delivery.model_fields_set
    accepts_html = "html" in delivery.also_accepts
    for option, formats in FORMATS.items():
        if option not in given or delivery.format in formats or (option == "encoding" and accepts_html):
            continue
        message = f"{option} has no effect on files of format {delivery.format}"
        yield option, message, f"remove it; it belongs to {', '.join(formats)}"
    if accepts_html and "encoding" not in given:
        yield (
            "also_accepts",
            "a web page needs an encoding",
            "add encoding: gb18030, or what the source writes",
        )
    yield from check_sheets(delivery)
    yield from check_paths(delivery)
    yield from check_archive(delivery)
    if delivery.format == "xml" and not delivery.record_element:
        yield "format", "format xml needs record_element", "name the element of one record, e.g. fields"


def check_sheets(delivery: Delivery) -> Iterator[tuple[str, str, str]]:
    """Names of sheets are said once, and of workbooks only."""
    if isinstance(delivery.sheets, str):
        return
    if "html" in delivery.also_accepts:
        yield "sheets", "the tables of a web page have no names", "use sheets: first, or sheets: all"
    for name in sorted({name for name in delivery.sheets if delivery.sheets.count(name) > 1}):
        yield "sheets", f"sheet {name!r} is named twice", "keep one of them"


def check_paths(delivery: Delivery) -> Iterator[tuple[str, str, str]]:
    """A total stands beside the array, so the array must have a place of its own."""
    if not delivery.total_path:
        return
    if not delivery.records_path:
        yield "total_path", "total_path needs records_path", "say where the array is, e.g. data.list"
    elif f"{delivery.total_path}.".startswith(f"{delivery.records_path}."):
        yield "total_path", "total_path lies within the array", "name the key beside the array"


def check_archive(delivery: Delivery) -> Iterator[tuple[str, str, str]]:
    """The pattern takes archives, if and only if the contract expects them."""
    takes_zip = delivery.file_pattern.casefold().endswith(".zip")
    if delivery.archive and not takes_zip:
        yield "file_pattern", "archive: zip, but file_pattern takes no zip files", "end it in .zip"
    if takes_zip and not delivery.archive:
        yield "file_pattern", "file_pattern takes zip files", "add archive: zip, or name the files in them"
