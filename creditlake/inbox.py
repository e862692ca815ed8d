"""What stands in a department's inbox folder, grouped into deliveries. Reads only; changes nothing.

One file is one delivery, with two exceptions: parts named `…_1of3.csv` make one delivery when all of
them are there, and `<file>.nil` beside a file belongs to it (it declares "nothing today").
A file is left for the next run while it may still be written: its name ends in a suffix that transfer
programs use for unfinished files, or it changed within the contract's settle time.
"""

import re
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path

from creditlake.contract import Contract
from creditlake.storage import InvalidKey
from creditlake.storage.lake import check_key

UNFINISHED_SUFFIXES = (".part", ".tmp", ".filepart", ".crdownload")  # .filepart is WinSCP's
OWN_PREFIXES = (".", "~$")  # hidden files, Excel's lock files
PART_NAME = re.compile(r"(?P<stem>.+)[._-](?:part)?(?P<number>\d+)of(?P<total>\d+)(?P<suffix>\.[^.]+)", re.I)


@dataclass(frozen=True)
class InboxFile:
    """One regular file; `mtime_ns` and `bytes` tell two files of one name apart."""

    path: Path
    name: str
    bytes: int
    mtime_ns: int

    @property
    def version(self) -> tuple[str, int, int]:
        """What a later run recognises the file by without reading it."""
        return (self.name, self.mtime_ns, self.bytes)


@dataclass(frozen=True)
class Delivery:
    """Files that came as one; `waiting_for` says why it cannot be taken yet, "" if it can."""

    files: tuple[InboxFile, ...]
    waiting_for: str = ""


@dataclass(frozen=True)
class Listing:
    """A department's folder: its files, and the entries that are no files (folders, links)."""

    files: tuple[InboxFile, ...]
    not_files: tuple[str, ...]


def is_unfinished(name: str) -> bool:
    """Tell files that are nobody's delivery: unfinished transfers, hidden and lock files."""
    return name.lower().endswith(UNFINISHED_SUFFIXES) or name.startswith(OWN_PREFIXES)


def list_folder(folder: Path) -> Listing:
    """Return what stands in a folder, in name order; a missing folder is empty.

    A symbolic link is not followed: its target may lie outside the sender's folder.
    """
    files: list[InboxFile] = []
    others: list[str] = []
    try:
        names = sorted(path.name for path in folder.iterdir())
    except FileNotFoundError:
        return Listing((), ())
    for name in names:
        if is_unfinished(name):
            continue
        path = folder / name
        try:
            found = path.lstat()
        except FileNotFoundError:
            continue  # renamed between listing and looking: the next run sees it
        if stat.S_ISREG(found.st_mode):
            files.append(InboxFile(path, name, found.st_size, found.st_mtime_ns))
        else:
            others.append(name)
    return Listing(tuple(files), tuple(others))


def is_storable(name: str) -> bool:
    """Tell whether every kind of lake can hold the name; GBK bytes from an FTP client cannot be held."""
    try:
        check_key(name)
    except InvalidKey:
        return False
    return not name.startswith("_")  # the lake's own names


def is_settled(file: InboxFile, contract: Contract, now: datetime) -> bool:
    """Tell whether the file is old enough; clocks may differ, so a near future counts as now."""
    return abs(now.timestamp() - file.mtime_ns / 1e9) >= contract.delivery.settle_seconds


def matches(contract: Contract, name: str) -> bool:
    """Tell whether the contract expects a file of this name; a nil declaration goes with its file."""
    return fnmatchcase(name.removesuffix(contract.delivery.nil_suffix), contract.delivery.file_pattern)


def group_deliveries(files: Iterable[InboxFile], contract: Contract, now: datetime) -> list[Delivery]:
    """Return the dataset's deliveries, oldest first; the incomplete ones say what they wait for."""
    groups: dict[tuple[str, int], list[InboxFile]] = {}
    for file in files:
        if matches(contract, file.name) and is_storable(file.name):
            groups.setdefault(_group_of(file.name, contract), []).append(file)
    deliveries = [
        Delivery(tuple(members), _missing(members, total, contract, now))
        for (_, total), members in groups.items()
    ]
    return sorted(deliveries, key=lambda delivery: max((f.mtime_ns, f.name) for f in delivery.files))


def _group_of(name: str, contract: Contract) -> tuple[str, int]:
    """Return what the files of one delivery share: the name without part number, and how many parts."""
    data_name = name.removesuffix(contract.delivery.nil_suffix)
    part = PART_NAME.fullmatch(data_name)
    return (part["stem"] + part["suffix"], int(part["total"])) if part else (data_name, 1)


def part_order(name: str) -> tuple[str, int, str]:
    """Return what sorts the files of one delivery: parts by their number, 2 before 10."""
    part = PART_NAME.fullmatch(name)
    return (part["stem"], int(part["number"]), name) if part else (name, 0, name)


def _missing(members: Sequence[InboxFile], total: int, contract: Contract, now: datetime) -> str:
    """Return why the delivery cannot be taken yet, or ""."""
    unsettled = [file.name for file in members if not is_settled(file, contract, now)]
    if unsettled:
        return f"{unsettled[0]} changed less than {contract.delivery.settle_seconds} seconds ago"
    data_files = [file for file in members if not file.name.endswith(contract.delivery.nil_suffix)]
    if not data_files:
        return f"{members[0].name} declares a file that is not there"
    if len(data_files) < total:
        return f"{len(data_files)} of {total} parts are there"
    return ""
