"""XML messages: one record an element, its fields the elements in it (domain.md §6.1: header, then body).

expat reads the verified text piece by piece; what the file says of its own encoding is not asked. A DTD is
refused where it begins, and with it every entity: nothing can be made to grow or to be fetched. A field's
value is its text as written; an element within a field is kept as markup. row_no is the record's place in
its file, from 1. A record that says a field twice, or has text beside its fields, is kept whole.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from creditlake.contract import Contract
from creditlake.decode.cells import FileFacts, Rows
from creditlake.decode.defects import FileDefect
from creditlake.decode.headers import check_mandatory
from creditlake.decode.jsonl import KeyMap, ObjectBatch
from creditlake.decode.verified_text import MARKUP_BREAKS, VerifiedText, encode_text

FEED_BYTES = 1 << 18
RECORD_MAX = 32 << 20  # characters of a record, bytes of a tag
PIECE_COST = 64  # characters that a tag or text counts for besides its own: it takes memory for itself
DEPTH_MAX = 64
NIL = "http://www.w3.org/2001/XMLSchema-instance}nil"
CUT_CODES = frozenset(
    expat.errors.codes[message]
    for message in (
        expat.errors.XML_ERROR_NO_ELEMENTS,
        expat.errors.XML_ERROR_UNCLOSED_TOKEN,
        expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION,
    )
)


def read_xml(path: Path, contract: Contract, facts: FileFacts) -> Iterator[Rows]:
    """Yield the rows of one file; raises FileDefect (F01, F02, F05, F11). An empty file yields nothing."""
    source = VerifiedText(path, contract.delivery.encoding, breaks=MARKUP_BREAKS)
    message = Message(contract, facts)
    is_empty = True
    for text in source.texts():
        text = text.lstrip() if is_empty else text  # no blank may stand before <?xml
        is_empty = is_empty and not text
        yield from message.feed(encode_text(text, source))
    if is_empty:
        return
    message.end()
    yield message.batch.take()
    if facts.received:
        check_mandatory(contract, set(message.keys.used.values()), None)
    facts.header = tuple(message.keys.used)


class Message:
    """The records of one message, as expat meets them."""

    def __init__(self, contract: Contract, facts: FileFacts) -> None:
        self.keys = KeyMap(contract)
        self.batch = ObjectBatch(self.keys, facts)
        self._facts = facts
        self._element = contract.delivery.record_element
        self._records = 0
        self._depth = 0
        self._fed = 0
        self._fields: list[tuple[str, str | None]] | None = None  # of the open record; "" names stray text
        self._record_depth = 0
        self._name = ""  # of the open field
        self._parts: list[str] = []
        self._texts: list[str] | None = None  # the same without markup, while there is none
        self._is_nil = False
        self._characters = 0
        self._parser = expat.ParserCreate("utf-8", "}")
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._add_text
        self._parser.StartDoctypeDeclHandler = self._refuse_dtd

    def feed(self, data: bytes) -> Iterator[Rows]:
        """Take the next bytes; yields the rows of the records that end in them."""
        for start in range(0, len(data), FEED_BYTES):
            piece = data[start : start + FEED_BYTES]
            self._parse(piece, is_last=False)
            self._fed += len(piece)
            if self._fed - self._parser.CurrentByteIndex > RECORD_MAX:
                raise self._too_long()
            yield self.batch.take()

    def end(self) -> None:
        """Say that the file ends; raises F05 if that is too early, F02 if there was no record's element."""
        self._parse(b"", is_last=True)
        if not self._records:
            raise FileDefect("F02", f"no element {self._element}", f"没有约定的记录元素 {self._element}")

    def _parse(self, data: bytes, *, is_last: bool) -> None:
        try:
            self._parser.Parse(data, is_last)
        except expat.ExpatError as error:
            row_no = self._records or None
            if is_last and error.code in CUT_CODES:
                raise FileDefect(
                    "F05", "the file ends inside an element", "文件在元素中间结束", row_no=row_no
                ) from error
            reason = expat.ErrorString(error.code)
            raise FileDefect("F01", f"this is no XML: {reason}", "不是有效的 XML", row_no=row_no) from error

    def _refuse_dtd(self, *_declaration: object) -> NoReturn:
        raise FileDefect("F11", "the file has a DTD", "含有 DTD 或实体声明")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition("}")[2]
        own = {key: value for key, value in attributes.items() if "}" not in key}
        if self._depth == DEPTH_MAX:
            raise FileDefect(
                "F01", f"elements {DEPTH_MAX} deep", "元素嵌套过深", row_no=self._records or None
            )
        if self._fields is None:
            if name == self._element:
                self._records += 1
                self._fields = list(own.items())
                self._record_depth = self._depth
                self._characters = 0
        elif not self._name:
            if own:
                raise FileDefect(
                    "F02",
                    f"attributes of {name[:30]} are unknown to the contract",
                    f"元素“{name[:30]}”带有约定之外的属性",
                    row_no=self._records,
                )
            self._name, self._parts, self._texts = name, [], []
            self._is_nil = attributes.get(NIL) in ("true", "1")
        else:
            self._texts = None
            marks = "".join(f" {key}={quoteattr(value)}" for key, value in own.items())
            self._parts.append(f"<{name}{marks}>")
            self._grow(marks)
        self._depth += 1

    def _end(self, tag: str) -> None:
        self._depth -= 1
        if self._fields is None:
            return
        if self._depth == self._record_depth:
            self._take_record(self._fields)
            self._fields = None
        elif self._depth == self._record_depth + 1:
            text = "".join(self._parts if self._texts is None else self._texts)
            self._fields.append((self._name, None if self._is_nil and not text else text))
            self._grow("")
            self._name = ""
        else:
            self._parts.append(f"</{tag.rpartition('}')[2]}>")

    def _add_text(self, text: str) -> None:
        if self._fields is None:
            return
        self._grow(text)
        if self._name:
            self._parts.append(escape(text))
            if self._texts is not None:
                self._texts.append(text)
        elif text.strip():
            self._fields.append(("", text))

    def _grow(self, text: str) -> None:
        """Count what the open record holds; raises F01 beyond the limit."""
        self._characters += len(text) + PIECE_COST
        if self._characters > RECORD_MAX:
            raise self._too_long()

    def _take_record(self, fields: list[tuple[str, str | None]]) -> None:
        """Make a row of one record; one without text is only counted."""
        values = dict(fields)
        if not any(value and value.strip() for value in values.values()):
            self._facts.blank += 1
        elif len(values) == len(fields) and "" not in values:
            self.batch.add_object(self._records, values)
        else:
            self.batch.add_ragged(self._records, self._markup_of(fields))

    def _markup_of(self, fields: list[tuple[str, str | None]]) -> str:
        texts = (
            f"<{name}>{escape(value or '')}</{name}>" if name else escape(value or "")
            for name, value in fields
        )
        return f"<{self._element}>{''.join(texts)}</{self._element}>"

    def _too_long(self) -> FileDefect:
        size = RECORD_MAX >> 20
        return FileDefect(
            "F01",
            f"a record of more than {size} MB",
            f"单条记录超过 {size} MB",
            row_no=self._records or None,
        )
