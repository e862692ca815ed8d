"""A delivered text file as verified UTF-8, in constant memory.

Encodings are declared, then checked, because GB 18030 decodes nearly anything: a UTF-8 file read as
GB 18030 gives rare characters, not an error. Three checks: strict decoding; the marks that an earlier
wrong conversion leaves (U+FFFD, 锟斤拷); and plausibility. Of ordinary Chinese text nearly every
character is in GB 2312; of UTF-8 read as GB 18030 a third is, of Big5 half. Measured on 1 MB of
penalty text: share outside GB 2312 right 0.00, UTF-8 as GB 18030 0.68, Big5 as GB 18030 0.51.
"""

import codecs
from collections.abc import Generator, Iterator
from pathlib import Path

from creditlake.decode.defects import FileDefect

CARRIAGE_RETURN = ord("\r")
PIECE_BYTES = 4 << 20
LINE_MAX_BYTES = 64 << 20
SAMPLE_CHARACTERS = 1 << 19
RARE_SHARE_MAX = 0.4
RARE_SAMPLE_MIN = 30  # non-ASCII characters below which the share says nothing
UTF8_CHANCE_MAX = 12  # a common GBK character reads as UTF-8 once in five: twelve in a row do not
MOJIBAKE = ("\ufffd", "锟斤拷")
UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
NAMES_ZH = {"gb18030": "GB18030", "utf-8": "UTF-8", "utf-8-sig": "UTF-8（带 BOM）"}


class VerifiedText:
    """Reads one file piece by piece; every piece ends at a line break, so that none cuts a character.

    Usable as a binary file (`read`) by pyarrow. `bytes_read` counts delivered bytes; after the last
    piece `ends_with_newline` says whether the last line was finished.
    """

    closed = False

    def __init__(self, path: Path, encoding: str, tail: bytes = b"") -> None:
        self.path = path
        self.encoding = "utf-8" if encoding == "utf-8-sig" else encoding
        self.bytes_read = 0
        self.ends_with_newline = True
        self._tail = tail  # appended after the file's end, on a line of its own
        self._pieces: Generator[bytes, None, None] = self._with_tail()
        self._buffer = bytearray()

    def peek(self) -> bytes:
        """Return what is buffered, at least the first piece (b"" for an empty file without a tail)."""
        if not self._buffer:
            self._buffer += next(self._pieces, b"")
        return bytes(self._buffer)

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes of UTF-8, none only at the end; -1 reads everything.

        Never ends between CR and LF: pyarrow drops an LF that begins a block after a CR, also inside a
        quoted cell (seen in 26.0).
        """
        while size < 0 or len(self._buffer) < size:
            piece = next(self._pieces, None)
            if piece is None:
                break
            self._buffer += piece
        end = len(self._buffer) if size < 0 else min(size, len(self._buffer))
        if 1 < end < len(self._buffer) and self._buffer[end - 1] == CARRIAGE_RETURN:
            end -= 1
        with memoryview(self._buffer) as view:
            taken = bytes(view[:end])
        del self._buffer[:end]
        return taken

    def close(self) -> None:
        """Let go of the file."""
        self._pieces.close()
        self.closed = True

    def _with_tail(self) -> Generator[bytes, None, None]:
        for text in self.texts():
            yield encode_text(text, self)
        if self._tail:
            yield self._tail if self.ends_with_newline else b"\n" + self._tail

    def texts(self) -> Iterator[str]:
        """Yield the file's text, verified; a byte order mark is left out."""
        is_first = True
        for data in self._raw_pieces():
            text = self._decode(data)
            if is_first:
                check_plausible(text[:SAMPLE_CHARACTERS], self)
                text = text.removeprefix("\ufeff")
                is_first = False
            self._check_content(data, text)
            self.bytes_read += len(data)
            self.ends_with_newline = text.endswith(("\n", "\r")) if text else self.ends_with_newline
            if text:
                yield text

    def _raw_pieces(self) -> Iterator[bytes]:
        """Yield the file's bytes cut after a line feed: 0x0A is part of no character but itself."""
        rest = b""
        with self.path.open("rb") as file:
            while data := file.read(PIECE_BYTES):
                if not rest and not self.bytes_read and data.startswith(UTF16_MARKS):
                    raise FileDefect("F01", "the file is UTF-16", "文件为 UTF-16 编码", row_no=1)
                data = rest + data
                cut = data.rfind(b"\n") + 1
                if not cut and len(data) > LINE_MAX_BYTES:
                    raise FileDefect(
                        "F01",
                        f"no line break in {LINE_MAX_BYTES >> 20} MB",
                        "文件没有换行，不是约定的文本文件",
                        row_no=self.row_at(self.bytes_read),
                    )
                rest = data[cut:]
                if cut:
                    yield data[:cut]
        if rest:
            yield rest

    def _decode(self, data: bytes) -> str:
        """Decode one piece strictly; raises F01, or F05 where the file ends inside a character."""
        try:
            return data.decode(self.encoding)
        except UnicodeDecodeError as error:
            row_no = self.row_at(self.bytes_read + error.start)
            is_last = self.bytes_read + len(data) == self.path.stat().st_size
            if (
                is_last
                and error.end >= len(data)
                and error.reason.startswith(("incomplete", "unexpected end"))
            ):
                raise FileDefect(
                    "F05", "the file ends inside a character", "文件在一个汉字中间结束", row_no=row_no
                ) from error
            raise FileDefect(
                "F01",
                f"not {self.encoding}{_other_encoding(data, self.encoding)}",
                f"不是约定的 {NAMES_ZH[self.encoding]} 编码{_other_encoding_zh(data, self.encoding)}",
                row_no=row_no,
            ) from error

    def _check_content(self, data: bytes, text: str) -> None:
        """Refuse the marks of a wrong conversion, and UTF-8 in a file declared GB 18030."""
        for mark in MOJIBAKE:
            if mark in text:
                before = text[: text.index(mark)].encode(self.encoding, errors="replace")
                raise FileDefect(
                    "F01",
                    "mojibake: characters were lost in an earlier conversion",
                    "含有乱码（锟斤拷或 U+FFFD）",
                    row_no=self.row_at(self.bytes_read + len(before)),
                )
        if self.encoding == "gb18030" and not data.isascii() and _decodes(data, "utf-8"):
            characters = sum(character > "\x7f" for character in data.decode()[:SAMPLE_CHARACTERS])
            if characters >= UTF8_CHANCE_MAX or rare_share(text)[0] > RARE_SHARE_MAX:
                raise FileDefect(
                    "F01",
                    "declared gb18030 but it is UTF-8",
                    "约定为 GB18030 编码，实际为 UTF-8",
                    row_no=self.row_at(self.bytes_read),
                )

    def row_at(self, offset: int) -> int:
        """Return the record (1-based) that holds a byte offset; line breaks inside quotes do not count."""
        row, quotes, position = 1, 0, 0
        with self.path.open("rb") as file:
            for line in file:
                position += len(line)
                if position > offset:
                    break
                quotes += line.count(b'"')
                row += quotes % 2 == 0
        return row


def encode_text(text: str, source: VerifiedText) -> bytes:
    """Return UTF-8; raises F01 for half a surrogate pair, which GB 18030 can spell and UTF-8 cannot."""
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise FileDefect(
            "F01",
            "the file holds half a character",
            "含有不完整的字符",
            row_no=source.row_at(source.bytes_read),
        ) from error


def rare_share(text: str) -> tuple[float, int]:
    """Return the share of non-ASCII characters outside GB 2312, and how many non-ASCII there are."""
    ascii_count = len(text.encode("ascii", errors="ignore"))
    others = len(text) - ascii_count
    if not others:
        return 0.0, 0
    common = (len(text.encode("gb2312", errors="ignore")) - ascii_count) // 2
    return 1 - common / others, others


def check_plausible(sample: str, source: VerifiedText) -> None:
    """Raise F01 if the sample decodes to text that nobody writes."""
    share, characters = rare_share(sample)
    if characters >= RARE_SAMPLE_MIN and share > RARE_SHARE_MAX:
        raise FileDefect(
            "F01",
            f"{share:.0%} rare characters: the encoding is not {source.encoding}",
            f"生僻字占 {share:.0%}，编码应不是约定的 {NAMES_ZH[source.encoding]}",
            row_no=1,
        )


def _decodes(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _other_encoding(data: bytes, declared: str) -> str:
    other = "utf-8" if declared == "gb18030" else "gb18030"
    return f"; it reads as {other}" if _decodes(data, other) else ""


def _other_encoding_zh(data: bytes, declared: str) -> str:
    other = "utf-8" if declared == "gb18030" else "gb18030"
    return f"，可能为 {NAMES_ZH[other]}" if _decodes(data, other) else ""
