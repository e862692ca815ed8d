"""A zip of several files of the agreed format, read one after the other as if they had come by themselves.

Everything that an archive says of itself is checked before a byte is unpacked: names that lead elsewhere,
links, locked members, sizes no file of ours has. A member is unpacked under a name of ours into the run's
scratch folder, read, and deleted. Names without the UTF-8 mark are GB 18030: Windows writes them so.
"""

import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from creditlake.contract import Contract
from creditlake.decode.cells import FileFacts, Rows
from creditlake.decode.defects import FileDefect, no_rows
from creditlake.inbox import part_order

Reader = Callable[[Path, Contract, FileFacts], Iterator[Rows]]
PIECE_BYTES = 4 << 20
MEMBERS_MAX = 1_000
UNPACKED_MAX_BYTES = 8 << 30
RATIO_MAX = 200  # unpacked to packed; tables of many repeated values reach 50
RATIO_FROM_BYTES = 64 << 20  # what unpacks to less does no harm
NAME_MAX = 255
ZIP_MAGIC = b"PK"
METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
LOCKED_FLAG = 0x1
JUNK = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
JUNK_FOLDER = "__MACOSX"
# Control characters, backslashes, drives, and marks that turn the direction of writing.
MISLEADING = re.compile("[\x00-\x1f\x7f\\\\:\u200e\u200f\u202a-\u202e\u2066-\u2069\ufffd]")
NESTED_SUFFIXES = (".zip", ".rar", ".7z", ".gz", ".tgz", ".bz2", ".xz", ".tar")
NESTED_MAGICS = (b"Rar!", b"7z\xbc\xaf", b"\x1f\x8b", b"BZh", b"\xfd7zXZ")
# What zipfile raises for a damaged archive; NotImplementedError is its word for a packing it does not know.
DAMAGES = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)


def read_archive(
    path: Path, contract: Contract, facts: FileFacts, folder: Path, read: Reader
) -> Iterator[Rows]:
    """Yield the rows of every member; a member's defect is noted and the next one read.

    Raises FileDefect for the archive itself (F01, F05, F11). `folder` is for unpacking. The table being
    read is `<archive>/<member>`. An empty file yields nothing.
    """
    if not path.stat().st_size:
        return
    with open_archive(path) as archive:
        members = sorted(list_members(archive, path), key=lambda member: part_order(member.filename))
        suffix = contract.delivery.nil_suffix
        names = {member.filename for member in members}
        for member in members:
            if member.filename.endswith(suffix):
                continue
            target = folder / "member"
            inner = FileFacts(f"{facts.name}/{member.filename}")
            try:
                unpack(archive, member, target, contract)
                for rows in read(target, contract, inner):
                    facts.inner, facts.template = inner.place.removeprefix(facts.name), inner.template
                    yield rows
                if not inner.received and not inner.says_nil and member.filename + suffix not in names:
                    raise no_rows()
            except FileDefect as defect:
                defect.file = defect.file or inner.place
                inner.defects.append(defect)
            finally:
                target.unlink(missing_ok=True)
            add_up(facts, inner)


def add_up(facts: FileFacts, inner: FileFacts) -> None:
    """Count a member's rows and defects as the archive's."""
    facts.header = facts.header or inner.header
    facts.received += inner.received
    facts.ragged += inner.ragged
    facts.blank += inner.blank
    facts.totals += inner.totals
    facts.says_nil = True
    for defect in inner.defects:
        defect.file = defect.file or inner.name
    facts.defects += inner.defects


def open_archive(path: Path) -> zipfile.ZipFile:
    """Open a zip; raises F05 for one that was cut, F01 for what is none."""
    with path.open("rb") as file:
        start = file.read(len(ZIP_MAGIC))
    try:
        return zipfile.ZipFile(path, metadata_encoding="gb18030")
    except UnicodeDecodeError as error:
        raise FileDefect(
            "F01", "names of members that are neither UTF-8 nor GB 18030", "压缩包内文件名编码无法识别"
        ) from error
    except (*DAMAGES, OSError) as error:
        if start == ZIP_MAGIC:
            raise FileDefect("F05", "the archive is cut off", "压缩包不完整") from error
        raise FileDefect("F01", "not a zip archive", "文件不是 zip 压缩包") from error


def list_members(archive: zipfile.ZipFile, path: Path) -> list[zipfile.ZipInfo]:
    """Return the members that hold data; raises F11 for anything unsafe, F01 for an unknown method."""
    members = [member for member in archive.infolist() if not is_junk(member.filename)]
    seen: set[str] = set()
    for member in members:
        check_member(member)
        name = member.filename.casefold().rstrip("/")
        if name in seen:
            raise refuse("two members of one name", "压缩包内有同名文件")
        seen.add(name)
    if len(members) > MEMBERS_MAX:
        raise refuse(f"more than {MEMBERS_MAX} members", f"压缩包内文件超过 {MEMBERS_MAX} 个")
    unpacked = sum(member.file_size for member in members)
    ratio = unpacked / path.stat().st_size
    if unpacked > UNPACKED_MAX_BYTES or (unpacked > RATIO_FROM_BYTES and ratio > RATIO_MAX):
        raise refuse(
            f"it would unpack to {unpacked >> 20} MB, {ratio:.0f} times its size",
            f"解压后为 {unpacked >> 20} MB，达压缩包的 {ratio:.0f} 倍",
        )
    return [member for member in members if not member.is_dir()]


def is_junk(name: str) -> bool:
    """Tell what file managers put into archives by themselves."""
    path = PurePosixPath(name)
    return path.name in JUNK or JUNK_FOLDER in path.parts[:1]


def check_member(member: zipfile.ZipInfo) -> None:
    """Raise FileDefect for a member that is not to be unpacked; its name is not said: it may mislead."""
    name = member.orig_filename
    parts = name.removesuffix("/").split("/")
    if MISLEADING.search(name) or len(name) > NAME_MAX or {"", ".", ".."} & set(parts):
        raise refuse("a name that leads elsewhere", "压缩包内文件名含有非法路径或字符")
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise refuse("a link or device", "压缩包内含有链接或特殊文件")
    if member.flag_bits & LOCKED_FLAG:
        raise refuse("a locked member", "压缩包已加密")
    if name.casefold().endswith(NESTED_SUFFIXES):
        raise refuse("an archive within the archive", "压缩包内还有压缩包")
    if member.compress_type not in METHODS:
        raise FileDefect("F01", "an unknown way of packing", "压缩方式不受支持，请使用普通 zip 压缩")


def unpack(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path, contract: Contract) -> None:
    """Write one member to `target`; raises F05 for a damaged one, F11 for an archive under another name."""
    with target.open("wb") as copy:
        for piece in read_pieces(archive, member):
            copy.write(piece)
    with target.open("rb") as file:
        start = file.read(8)
    is_zip = start.startswith(b"PK\x03\x04") and contract.delivery.format != "xlsx"
    if is_zip or start.startswith(NESTED_MAGICS):
        raise refuse("an archive within the archive", "压缩包内还有压缩包")


def read_pieces(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    """Yield a member's bytes, never more than it declares; raises F05 if it is damaged."""
    try:
        with archive.open(member) as stream:
            while piece := stream.read(PIECE_BYTES):
                yield piece
    except (*DAMAGES, OSError) as error:
        raise FileDefect("F05", "a member is damaged", "压缩包内文件已损坏") from error


def refuse(english: str, chinese: str) -> FileDefect:
    """Return the defect of an unsafe archive."""
    return FileDefect("F11", english, chinese)
