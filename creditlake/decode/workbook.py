"""Excel workbooks, .xlsx and .xls: the tables of the agreed sheets.

The workbook is opened by `workbook_process.py`, apart from us and within limits; this side chooses the
sheets and makes cells of the rows. By default the first visible sheet is read; a second table beside it
would be lost, so it is refused, and any other filled sheet is a warning. Hidden sheets hold the choices of
the template's drop-down lists. A long number that Excel has rounded ends in zeros and is found later by its
precision loss (K06); of a failed formula in an old .xls nothing is left but an empty cell.
"""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from creditlake.contract import Contract
from creditlake.decode.cells import FileFacts, Rows
from creditlake.decode.defects import FileDefect
from creditlake.decode.table import judge_other, read_table

PROCESS = Path(__file__).with_name("workbook_process.py")


def read_workbook(path: Path, contract: Contract, facts: FileFacts) -> Iterator[Rows]:
    """Yield the rows of the agreed sheets; raises FileDefect (F01, F02, F05)."""
    with closing(Workbook(path, contract.delivery.header_row)) as workbook:
        chosen = choose_sheets(workbook.sheets, contract)
        others = [number for number in workbook.visible if number not in chosen]
        workbook.ask(others, chosen)
        for number in others:
            frame = workbook.take("header")
            defect = judge_other(number, frame["header"], frame["filled"], contract)
            if defect and defect.code == "F10":
                facts.defects.append(defect)
            elif defect:
                raise defect
        for number in chosen:
            facts.inner = "" if contract.delivery.sheets == "first" else f"#{number}"
            yield from read_table(workbook.rows(), contract, facts, keep_ragged=False)
            workbook.skip_rows()


def choose_sheets(sheets: Sequence[tuple[str, bool]], contract: Contract) -> list[int]:
    """Return the numbers (1-based) of the sheets to read; raises F02 if there is none, or one is missing."""
    wanted = contract.delivery.sheets
    visible = [number for number, (_, is_visible) in enumerate(sheets, start=1) if is_visible]
    if not visible:
        raise FileDefect("F02", "no visible sheet", "没有可见的工作表")
    if isinstance(wanted, str):
        return visible if wanted == "all" else visible[:1]
    names = [name.strip() for name, _ in sheets]
    missing = [name for name in wanted if name not in names]
    if missing:
        raise FileDefect("F02", f"no sheet {', '.join(missing)}", f"没有约定的工作表：{'、'.join(missing)}")
    return [names.index(name) + 1 for name in wanted]


class Workbook:
    """One workbook, opened in another process; close it, also after a defect."""

    def __init__(self, path: Path, header_row: int) -> None:
        self.path = path
        self._process = subprocess.Popen(
            [sys.executable, "-I", str(PROCESS), str(path), str(header_row)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # a broken reader's last words may quote the file
            env={},  # it needs no setting, and no secret
        )
        self._is_ready = False
        try:
            self.take("ready")
            self._is_ready = True
            self.sheets: list[tuple[str, bool]] = [
                (name, seen) for name, seen in self.take("sheets")["sheets"]
            ]
        except BaseException:
            self.close()
            raise
        self._in_rows = False

    @property
    def visible(self) -> list[int]:
        """Numbers of the visible sheets."""
        return [number for number, (_, is_visible) in enumerate(self.sheets, start=1) if is_visible]

    def ask(self, peek: Sequence[int], read: Sequence[int]) -> None:
        """Say which sheets to look at, and which to send, in this order."""
        names = {"peek": peek, "read": read}
        request = {
            kind: [self.sheets[number - 1][0] for number in numbers] for kind, numbers in names.items()
        }
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._end_of() from None

    def rows(self) -> Iterator[list[str]]:
        """Yield the rows of the next sheet asked for, from row 1 on."""
        self._in_rows = True
        while "end" not in (frame := self.take()):
            yield from frame["rows"]
        self._in_rows = False

    def skip_rows(self) -> None:
        """Pass over the rows of the sheet that were not taken, below a footer."""
        while self._in_rows:
            self._in_rows = "end" not in self.take()

    def take(self, key: str = "") -> dict[str, Any]:
        """Return the next frame, which holds `key`; raises FileDefect if the workbook cannot be read."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line.endswith(b"\n"):
            raise self._end_of()
        frame: dict[str, Any] = json.loads(line)
        if "error" in frame:
            raise unreadable_workbook(frame["error"])
        assert not key or key in frame
        return frame

    def _end_of(self) -> Exception:
        """Return why the process has ended; that it did not start, or was killed, is our own fault."""
        code = self._process.wait()
        if not self._is_ready or code == -signal.SIGKILL:
            return ChildProcessError(f"the reader of workbooks ended with {code}")
        return FileDefect(
            "F01",
            "the workbook is damaged, or takes more memory or time than any agreed one",
            "Excel 文件已损坏，或读取所需内存、时间超出限度",
        )

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()


def unreadable_workbook(error: str) -> FileDefect:
    """Return the defect of a workbook that is locked (F01), cut or damaged (F05)."""
    if error == "password":
        return FileDefect("F01", "the workbook has a password", "Excel 文件已加密")
    return FileDefect("F05", f"the workbook is {error}", "Excel 文件不完整或已损坏")
