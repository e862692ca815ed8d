"""What a delivered spreadsheet really is: names lie, bytes do not.

Systems save a web page or an old workbook under whatever ending the form asks for. The contract's format
xlsx accepts xlsx, and what `also_accepts` lists; anything else is refused by its real kind.
"""

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

from creditlake.contract import Contract
from creditlake.decode.cells import FileFacts, Rows
from creditlake.decode.defects import FileDefect
from creditlake.decode.html import read_html
from creditlake.decode.verified_text import UTF16_CODECS
from creditlake.decode.workbook import read_workbook

ZIP_MAGIC = b"PK"
OLE_MAGIC = b"\xd0\xcf\x11\xe0"
START_BYTES = 4096
PAGE_START = re.compile(
    r"\ufeff?\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)*"
    r"<(!doctype html|html|head|meta|title|style|body|div|p|center|table|tr)\b",
    re.IGNORECASE | re.DOTALL,
)
READERS = {"xlsx": read_workbook, "xls": read_workbook, "html": read_html}


def read_spreadsheet(path: Path, contract: Contract, facts: FileFacts) -> Iterator[Rows]:
    """Yield the rows of one file; raises FileDefect (F01, F02, F05). An empty file yields nothing."""
    if not path.stat().st_size:
        return
    kind = find_kind(path)
    if kind not in ("xlsx", *contract.delivery.also_accepts):
        raise refused_kind(kind)
    yield from READERS[kind](path, contract, facts)


def find_kind(path: Path) -> str:
    """Return xlsx, xls, html or other, by the file's first bytes; a cut xlsx counts as one."""
    with path.open("rb") as file:
        start = file.read(START_BYTES)
    if start.startswith(OLE_MAGIC):
        return "xls"
    if start.startswith(ZIP_MAGIC):
        return "xlsx" if is_xlsx(path) else "other"
    codec = UTF16_CODECS.get(start[:2], "utf-8")
    return "html" if PAGE_START.match(start.decode(codec, "ignore")) else "other"


def is_xlsx(path: Path) -> bool:
    """Tell a workbook from other zip files; one that cannot be opened is not told apart: its reader says why.

    NotImplementedError is zipfile's word for a packing that it does not know.
    """
    try:
        with zipfile.ZipFile(path) as parts:
            return any(name.casefold() == "xl/workbook.xml" for name in parts.namelist())
    except (zipfile.BadZipFile, UnicodeDecodeError, NotImplementedError):
        return True


def refused_kind(kind: str) -> FileDefect:
    """Return the defect of a file of a kind that was not agreed."""
    if kind == "xls":
        return FileDefect("F01", "an old .xls file or a password", "文件为旧版 .xls 格式或已加密")
    return FileDefect("F01", "not an xlsx workbook", "文件不是 xlsx 格式（可能是改名的网页或文本文件）")
