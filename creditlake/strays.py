"""What stands in the inbox and belongs to nobody: found by every collect, noticed once, never taken."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import NamedTuple

from creditlake.catalog import Catalog
from creditlake.contract import Contract
from creditlake.inbox import InboxFile, Listing, is_settled, is_storable, list_folder, matches
from creditlake.notices import Notice, write_notices
from creditlake.storage import Lake


class Stray(NamedTuple):
    """One thing that cannot be collected: where, which version of it, and why in both languages."""

    sender: str
    file: str
    version: str
    english: str
    chinese: str
    cure_zh: str


def notice_strays(
    lake: Lake, catalog: Catalog, inbox: Path, business_date: date, *, now: datetime
) -> list[Notice]:
    """Write a C01 notice for every sender and file that no contract names; return the new ones."""
    return write_notices(
        lake,
        [
            Notice.of_file(
                stray.sender,
                stray.file,
                stray.version,
                business_date,
                f"C01: {stray.english}; not collected",
                f"{stray.chinese}，未归集，仍保留在投递目录中。",
                stray.cure_zh,
            )
            for stray in find_strays(catalog, inbox, now)
        ],
    )


def find_strays(catalog: Catalog, inbox: Path, now: datetime) -> Iterator[Stray]:
    """Yield what no contract names, in the inbox and in its folders."""
    root = list_folder(inbox)
    for file in root.files:
        yield unknown_file("", file, [])
    for name in root.not_files:
        folder = inbox / name
        is_folder = folder.is_dir() and not folder.is_symlink()
        listing = list_folder(folder) if is_folder else Listing((), (name,))
        contracts = [contract for contract in catalog.contracts.values() if contract.department == name]
        if contracts and is_folder:
            yield from find_department_strays(name, listing, contracts, now)
        elif listing.files or listing.not_files:
            yield unknown_sender(name)


def find_department_strays(
    sender: str, listing: Listing, contracts: Iterable[Contract], now: datetime
) -> Iterator[Stray]:
    """Yield the settled files that belong to no dataset or to several, and what is no file."""
    for name in listing.not_files:
        yield not_a_file(sender, name)
    for file in listing.files:
        owners = [contract for contract in contracts if matches(contract, file.name)]
        if not all(is_settled(file, contract, now) for contract in contracts):
            continue
        if len(owners) != 1:
            yield unknown_file(sender, file, owners)
        elif not is_storable(file.name):
            yield unusable_name(sender, file)


def unknown_file(sender: str, file: InboxFile, owners: Iterable[Contract]) -> Stray:
    """Describe a file that the file patterns do not give to exactly one dataset."""
    names = [contract.name for contract in owners]
    english = f"{sender or 'inbox'}/{file.name} matches no file_pattern of the catalogue for this sender"
    chinese = f"文件“{file.name}”的文件名不符合该单位任何目录项的约定"
    if names:
        english = f"{sender}/{file.name} matches the file_pattern of several datasets: {', '.join(names)}"
        chinese = f"文件“{file.name}”的文件名同时符合多个目录项：{'、'.join(names)}"
    return Stray(
        sender, file.name, file_version(file), english, chinese,
        "请按约定的文件名重新投递；如为新增数据，请先与信用中心登记信用信息目录。",
    )  # fmt: skip


def unknown_sender(name: str) -> Stray:
    """Describe an inbox folder of a department that the catalogue does not know."""
    return Stray(
        name, "", "",
        f"inbox folder {name} belongs to no department of the catalogue that delivers",
        f"投递目录“{name}”不属于目录内的任何信源单位，其中的文件",
        "请投递到本单位的目录；如为新的信源单位，请先与信用中心登记信用信息目录。",
    )  # fmt: skip


def not_a_file(sender: str, name: str) -> Stray:
    """Describe a folder or link where files belong."""
    return Stray(
        sender, name, "",
        f"{sender}/{name} is a folder or a link, not a file",
        f"“{name}”是文件夹或链接，不是数据文件",
        "请将数据文件直接放在本单位的投递目录下。",
    )  # fmt: skip


def unusable_name(sender: str, file: InboxFile) -> Stray:
    """Describe a file whose name no lake can hold: not UTF-8, a control character, too long."""
    return Stray(
        sender, file.name, file_version(file),
        f"{sender}/{file.name!a} cannot be stored under this name (not UTF-8, a control character, too long)",
        "文件名含有无法识别的字符（可能不是 UTF-8 编码）或过长",
        "请用 UTF-8 文件名（建议只用字母、数字和下划线）重新投递。",
    )  # fmt: skip


def file_version(file: InboxFile) -> str:
    """Return what tells a file from a later one of the same name."""
    return f"{file.bytes},{file.mtime_ns}"
