"""A delivered text file as verified UTF-8, in constant memory.

Encodings are declared, then checked, because GB 18030 decodes nearly anything: a UTF-8 file read as
GB 18030 gives rare characters, not an error. Three checks: strict decoding; the marks that an earlier
wrong conversion leaves (U+FFFD, 锟斤拷); and plausibility. Of ordinary Chinese text nearly every
character is in GB 2312; of UTF-8 read as GB 18030 a third is, of Big5 half. Measured on 1 MB of
penalty text: share outside GB 2312 right 0.00, UTF-8 as GB 18030 0.68, Big5 as GB 18030 0.51.
UTF-16 must say its byte order by a mark; the wrong order shows as rare characters too.
"""

import codecs
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path

from creditlake.decode.defects import FileDefect

CARRIAGE_RETURN = ord("\r")
# Where a piece may end, the best first. Bytes below 0x30, and "<=>", are part of no other GB 18030 character.
LINE_BREAKS = ("\n", "\r")
JSON_BREAKS = (",", "\n", '"', " ")
MARKUP_BREAKS = (">", "\n", " ")
PIECE_BYTES = 4 << 20
LINE_MAX_BYTES = 64 << 20
SAMPLE_CHARACTERS = 1 << 19
RARE_SHARE_MAX = 0.4
RARE_SAMPLE_MIN = 30  # non-ASCII characters below which the share says nothing
UTF8_CHANCE_MAX = 12  # a common GBK character reads as UTF-8 once in five: twelve in a row do not
MOJIBAKE = ("\ufffd", "锟斤拷")
UTF16_CODECS = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
NAMES_ZH = {"gb18030": "GB18030", "utf-8": "UTF-8", "utf-16": "UTF-16"}
CUT_REASONS = ("incomplete", "unexpected end", "truncated")  # of a decoder, at the end of the data


class VerifiedText:
    """Reads one file piece by piece; every piece ends at one of `breaks`, so that none cuts a character.

    Usable as a binary file (`read`) by pyarrow. `bytes_read` counts delivered bytes; after the last
    piece `ends_with_newline` says whether the last line was finished. `quoted`: line breaks between
    quotes do not end a record. Raises F01 at once if UTF-16 and the declared encoding exclude each other.
    """

    closed = False

    def __init__(
        self,
        path: Path,
        encoding: str,
        tail: bytes = b"",
        *,
        breaks: Sequence[str] = ("\n",),
        quoted: bool = False,
    ) -> None:
        self.path = path
        self.encoding = "utf-8" if encoding == "utf-8-sig" else encoding
        self._codec = find_codec(path, self.encoding)
        self._unit = 2 if self.encoding == "utf-16" else 1
        self._breaks = [mark.encode(self._codec) for mark in breaks]
        self._by_lines = breaks[0] == "\n"
        self._quoted = quoted
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
        """Yield the file's bytes cut after a break."""
        rest = b""
        with self.path.open("rb") as file:
            while data := file.read(PIECE_BYTES):
                data = rest + data
                cut = self._last_break(data)
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

    def _last_break(self, data: bytes) -> int:
        """Return where to cut: after the last break of the best kind there is, or 0.

        Never after the last byte but for a line feed: a line feed may follow a carriage return.
        """
        for mark in self._breaks:
            end = len(data) if mark[:1] == b"\n" or mark[1:] == b"\n" else len(data) - self._unit
            while (at := data.rfind(mark, 0, end)) >= 0:
                if at % self._unit == 0:
                    return at + self._unit
                end = at + self._unit - 1
        return 0

    def _decode(self, data: bytes) -> str:
        """Decode one piece strictly; raises F01, or F05 where the file ends inside a character."""
        try:
            return data.decode(self._codec)
        except UnicodeDecodeError as error:
            row_no = self.row_at(self.bytes_read + error.start)
            is_last = self.bytes_read + len(data) == self.path.stat().st_size
            if is_last and error.end >= len(data) and error.reason.startswith(CUT_REASONS):
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
                before = text[: text.index(mark)].encode(self._codec, errors="replace")
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

    def row_at(self, offset: int) -> int | None:
        """Return the record (1-based) that holds a byte offset; None where records are not lines."""
        if not self._by_lines:
            return None
        row, quotes, position = 1, 0, 0
        codec = self._codec if self._unit > 1 else "latin-1"  # one character a byte
        with self.path.open(encoding=codec, errors="replace", newline="") as file:
            while line := file.readline(PIECE_BYTES):
                position += len(line) if self._unit == 1 else len(line.encode(codec, "replace"))
                if position > offset:
                    break
                quotes += line.count('"') if self._quoted else 0
                row += quotes % 2 == 0 and line.endswith(LINE_BREAKS)
        return row


def find_codec(path: Path, encoding: str) -> str:
    """Return the codec to decode with; raises F01 for UTF-16 not agreed, or agreed and without its mark."""
    with path.open("rb") as file:
        start = file.read(2)
        codec = UTF16_CODECS.get(start)
        if encoding != "utf-16":
            if codec:
                raise FileDefect("F01", "the file is UTF-16", "文件为 UTF-16 编码", row_no=1)
            return encoding
        if start and not codec:
            sample = start + file.read(PIECE_BYTES)
            sample = sample[: sample.rfind(b"\n") + 1] or sample
            raise FileDefect(
                "F01",
                f"not utf-16: it has no byte order mark{_other_encoding(sample, encoding)}",
                f"不是约定的 UTF-16 编码（没有字节顺序标记）{_other_encoding_zh(sample, encoding)}",
                row_no=1,
            )
    return codec or "utf-16-le"


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
            row_no=source.row_at(0),
        )


def _decodes(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _other_encoding(data: bytes, declared: str) -> str:
    other = _find_other(data, declared)
    return f"; it reads as {other}" if other else ""


def _other_encoding_zh(data: bytes, declared: str) -> str:
    other = _find_other(data, declared)
    return f"，可能为 {NAMES_ZH[other]}" if other else ""


def _find_other(data: bytes, declared: str) -> str | None:
    """Return the 8-bit encoding that the data are valid in, the stricter one first, besides the declared."""
    others = [encoding for encoding in ("utf-8", "gb18030") if encoding != declared]
    return next((encoding for encoding in others if _decodes(data, encoding)), None)
