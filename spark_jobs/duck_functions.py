"""Spark's functions on DuckDB, and all that differs between the two engines.

SQLFrame translates columns. What it lacks, or would answer otherwise than Spark, is put right here: by macros
in DuckDB's own SQL and by functions of the same names over them (`F`). They hold for what the row work asks,
not for all that Spark can do; `tests/spark/test_engines.py` holds whole tables of both to the same rows.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2s
from types import SimpleNamespace
from typing import Any

import duckdb
import pyarrow as pa
from sqlframe.duckdb import Column, DuckDBSession
from sqlframe.duckdb import functions as translated
from sqlglot import exp

from creditlake.duck import quote_text
from creditlake.normalise import normalisation, translate_arguments
from spark_jobs.spark_hash import hash_rows

# Spark's functions in DuckDB's SQL. Lists: Spark keeps the order of distinct items. Casts: a number must be
# written out, DuckDB also takes 1e3, 1_000 and rounds 12.5.
MACROS = {
    "btrim(v, chars)": "trim(v, chars)",
    "octet_length(v)": "strlen(v)",
    "spark_array_distinct(l)": "list_filter(l, lambda x, i: list_position(l, x) = i)",
    "spark_array_compact(l)": "list_filter(l, lambda x: x is not null)",
    "spark_array_except(l, o)": (
        "list_filter(l, lambda x, i: list_position(l, x) = i and not list_contains(o, x))"
    ),
    "spark_codes(l)": "list_transform(l, lambda c: ascii(c))",
    "spark_slice(l, f, n)": "l[f:f + n - 1]",
    "spark_bigint(v)": (
        "case when regexp_matches(v, '^[ \\t\\n\\r]*[+-]?[0-9]+[ \\t\\n\\r]*$')"
        " then try_cast(v as bigint) end"
    ),
    "spark_yyyymmdd(v)": "cast(try_strptime(v, '%Y%m%d') as date)",
    "spark_add_months(d, n)": "cast(d + to_months(n) as date)",
}
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
CONV_WIDTH = {13: 17, 34: 12, 35: 12}  # base -> as many digits as fit into 64 bits
LONG_TABLE = 100  # characters
PRINTABLE = re.compile("[ -~]*")  # of ASCII
SEPARATOR = "\ue000"  # of private use: rarely in a text


DuckDBSession(conn=duckdb.connect())  # SQLFrame's functions ask it for the dialect; no query goes through it


def add_functions(connection: duckdb.DuckDBPyConnection) -> None:
    """Define our macros and functions in a connection."""
    for head, body in MACROS.items():
        connection.execute(f"create temp macro {head} as {body}")
    for base, width in CONV_WIDTH.items():
        connection.execute(f"create temp macro spark_conv{base}(v) as {number_in_base(base, width)}")
    tables = normalisation()
    for codes in (tables.text_table, tables.code_table, tables.name_table, tables.doc_no_table):
        add_translation(connection, codes)
    connection.create_function(
        "spark_row_hash", hash_rows, ["varchar[]", "varchar[]"], "varchar", type="arrow"
    )


def number_in_base(base: int, width: int) -> str:
    """Return SQL for the number that `v` is in a base; whatever is no digit counts -1 and raises nothing."""
    digits = (
        f"(instr('{DIGITS[:base]}', substr(lpad(v, {width}, '0'), {place}, 1)) - 1)"
        f" * {base ** (width - place)}"
        for place in range(1, width + 1)
    )
    return " + ".join(digits)


def named(name: str) -> Column:
    """Return a column by its name, or a field of a struct by `column.field`."""
    column, *inner = name.split(".")
    found = Column(exp.column(exp.to_identifier(column, quoted=True)))
    for field in inner:
        found = item(found, field)
    return found


def operand(value: Any) -> exp.Expression:
    """Return what a function is given: a name is a column, a value that is no text stands for itself."""
    if isinstance(value, Column):
        return value.column_expression
    return named(value).column_expression if isinstance(value, str) else literal_of(value)


def literal_of(value: Any) -> exp.Expression:
    """Return a Python value as an expression; bytes as a blob."""
    if isinstance(value, bytes):
        return exp.Anonymous(this="unhex", expressions=[exp.Literal.string(value.hex())])
    return translated.lit(value).column_expression


def call(name: str, *arguments: Any) -> Column:
    """Return a call of a function of DuckDB or of one of our macros."""
    return Column(exp.Anonymous(this=name, expressions=[operand(argument) for argument in arguments]))


def calling(name: str) -> Callable[..., Column]:
    """Return a function that calls `name` with its arguments in their order."""
    return lambda *arguments: call(name, *arguments)


def text(value: str) -> Column:
    """Return a text as a literal."""
    return Column(exp.Literal.string(value))


def item(column: Column, key: Any) -> Column:
    """Return a field of a struct by name, an item of a list counted from 0, a value of a map by a column."""
    match key:
        case str():
            return call("struct_extract", column, text(key))
        case int():
            return call("list_extract", column, key + 1)
    return call("map_extract_value", column, key)


def concat(*parts: Any) -> Column:
    """Null if any part is; DuckDB's own function leaves nulls out."""
    joined = operand(parts[0])
    for part in parts[1:]:
        joined = exp.DPipe(this=joined, expression=operand(part), safe=False)
    return Column(exp.Paren(this=joined))


def regex(pattern: str) -> Column:
    """Return a pattern of Java for RE2, whose \\s lacks the vertical tab."""
    return text(pattern.replace(r"\s", r"[ \t\n\x0B\f\r]"))


def regexp_replace(value: Any, pattern: str, replacement: str) -> Column:
    """Replace every match. RE2 cannot look around: what a pattern looks at is matched and put back.

    Twice, because the character that ends one match may begin the next.
    """
    around = re.fullmatch(r"\(\?<=(.+)\)(.+)\(\?=(.+)\)", pattern)
    if around:
        pattern, replacement = f"({around[1]}){around[2]}({around[3]})", f"\\1{replacement}\\2"
    arguments = regex(pattern), text(re.sub(r"\$([0-9])", r"\\\1", replacement)), text("g")
    replaced = call("regexp_replace", value, *arguments)
    return call("regexp_replace", replaced, *arguments) if around else replaced


def conv(digits: Any, base: int, to_base: int) -> Column:
    """Return the number that digits are in a base; `try_cast` of it changes nothing more."""
    return call(f"spark_conv{base}", digits)


def rlike(column: Column, pattern: str) -> Column:
    """Whether a pattern is found."""
    return call("regexp_matches", column, regex(pattern))


def try_cast(column: Column, kind: str) -> Column:
    """Cast a text or a number; null where Spark gives null."""
    if kind in ("bigint", "int"):
        if is_whole_number(column):
            return column
        number = call("spark_bigint", column)
        return number if kind == "bigint" else number.cast("int")
    return Column(exp.TryCast(this=column.column_expression, to=exp.DataType.build(kind, dialect="duckdb")))


def is_whole_number(column: Column) -> bool:
    """Whether a column is `conv`'s number."""
    expression = column.column_expression
    return isinstance(expression, exp.Anonymous) and expression.name.startswith("spark_conv")


def collect(value: Any, *, distinct: bool) -> Column:
    """Return a group's values that are not null as a list; DuckDB's own has nulls, and is null for none."""
    item = operand(value)
    listed = exp.Anonymous(this="list", expressions=[exp.Distinct(expressions=[item]) if distinct else item])
    known = exp.Filter(
        this=listed, expression=exp.Where(this=exp.Not(this=exp.Is(this=item, expression=exp.null())))
    )
    return Column(exp.Coalesce(this=known, expressions=[exp.Array(expressions=[])]))


def exists(array: Any, holds: Callable[[Column], Column]) -> Column:
    """Whether a condition holds for any item of a list."""
    test = exp.Lambda(
        this=holds(Column(exp.column("item"))).column_expression, expressions=[exp.to_identifier("item")]
    )
    return call("len", Column(exp.Anonymous(this="list_filter", expressions=[operand(array), test]))) > 0


def aggregate(array: Any, start: Any, merge: Callable[[Column, Column], Column]) -> Column:
    """Fold a list of characters to a number: DuckDB wants both of one type, so it folds their codes."""
    so_far, item = exp.to_identifier("so_far"), exp.to_identifier("item")
    merged = merge(Column(exp.column("so_far")), call("chr", Column(exp.column("item"))))
    step = exp.Lambda(this=merged.column_expression, expressions=[so_far, item])
    codes = call("spark_codes", array)
    return Column(
        exp.Anonymous(this="list_reduce", expressions=[codes.column_expression, step, operand(start)])
    )


def translate(value: Any, old: str, new: str) -> Column:
    """Replace characters, and drop those beyond the second text, like Spark.

    DuckDB's own function reads its arguments anew for every row, and a pattern of our two thousand characters
    takes long to compile: beyond ASCII a text is handed to Python.
    """
    if len(old) < LONG_TABLE:
        return call("translate", value, text(old), text(new))
    return call(translation_name(old, new), value)


def translation_name(old: str, new: str) -> str:
    """Return what the function is called that translates so."""
    return f"spark_translate_{blake2s((old + new).encode(), digest_size=6).hexdigest()}"


def add_translation(connection: duckdb.DuckDBPyConnection, codes: Mapping[int, str]) -> None:
    """Define the function that translates by a table."""
    name = translation_name(*translate_arguments(codes))

    def translate_texts(texts: pa.ChunkedArray) -> pa.Array:
        given = texts.to_pylist()
        translated_texts = SEPARATOR.join(given).translate(codes).split(SEPARATOR)
        if len(translated_texts) != len(given):  # one of them has the separator
            translated_texts = [text.translate(codes) for text in given]
        return pa.array(translated_texts, pa.string())

    connection.create_function(f"{name}_any", translate_texts, ["varchar"], "varchar", type="arrow")
    ascii_codes = {code: new for code, new in codes.items() if PRINTABLE.fullmatch(chr(code))}
    old, new = map(quote_text, translate_arguments(ascii_codes))
    some = "[" + "".join(f"\\x{{{code:x}}}" for code in ascii_codes) + "]"
    plain = f"case when regexp_matches(v, '{some}') then translate(v, {old}, {new}) else v end"
    connection.execute(
        f"create temp macro {name}(v) as case when v is null then null"
        f" when regexp_full_match(v, '{PRINTABLE.pattern}') then {plain if ascii_codes else 'v'}"
        f" else {name}_any(v) end"
    )


def join_hash(*columns: Any) -> Column:
    """Return a 64-bit hash for joins inside one run; it passes over nulls as Spark's does."""
    return (
        call("hash", *columns)
        if len(columns) == 1
        else call("hash", call("concat_ws", text("\x1f"), *columns))
    )


def row_hash(columns: Sequence[str]) -> Column:
    """Return the hash of a row's values that Spark's `row_hash` gives: it is stored with the records."""
    texts = [exp.Cast(this=operand(name), to=exp.DataType.build("varchar")) for name in columns]
    kinds = [call("typeof", name).column_expression for name in columns]
    return call("spark_row_hash", *(Column(exp.Array(expressions=listed)) for listed in (texts, kinds)))


def distinct_items(array: Any) -> Column:
    """Return an array's distinct items in no particular order."""
    return call("list_distinct", array)


F = SimpleNamespace(
    **{name: function for name, function in vars(translated).items() if not name.startswith("_")}
    | {
        "array": lambda *items: Column(exp.Array(expressions=[operand(item) for item in items])),
        "array_compact": calling("spark_array_compact"),
        "array_contains": lambda array, value: call(
            "list_contains", array, value if isinstance(value, Column) else text(value)
        ),
        "array_distinct": calling("spark_array_distinct"),
        "array_except": calling("spark_array_except"),
        "arrays_overlap": calling("list_has_any"),
        "add_months": calling("spark_add_months"),
        "aggregate": aggregate,
        "ascii": calling("ascii"),
        "broadcast": lambda table: table,
        "btrim": calling("trim"),
        "collect_list": lambda value: collect(value, distinct=False),
        "collect_set": lambda value: collect(value, distinct=True),
        "concat": concat,
        "concat_ws": lambda separator, *parts: call("concat_ws", text(separator), *parts),
        "contains": calling("contains"),
        "conv": conv,
        "date_add": lambda day, days: Column(exp.Add(this=operand(day), expression=operand(days))),
        "col": named,
        "encode": lambda value, charset: call("encode", value),
        "endswith": calling("suffix"),
        "exists": exists,
        "flatten": calling("flatten"),
        "instr": calling("instr"),
        "length": calling("length"),
        "lit": lambda value: Column(literal_of(value)),
        "ltrim": calling("ltrim"),
        "octet_length": calling("octet_length"),
        "regexp_extract": lambda value, pattern, group: call("regexp_extract", value, regex(pattern), group),
        "regexp_replace": regexp_replace,
        "replace": calling("replace"),
        "reverse": calling("reverse"),
        "rtrim": calling("rtrim"),
        "sha2": lambda value, bits: call("sha256", value),
        "size": calling("len"),
        "slice": calling("spark_slice"),
        "sort_array": calling("list_sort"),
        "split": lambda value, separator: call("string_split", value, text(separator)),
        "substring": calling("substring"),
        "translate": translate,
        "trim": lambda value: call("trim", value, text(" ")),
        "try_element_at": calling("map_extract_value"),
        "try_to_date": lambda value, form: call("spark_yyyymmdd", value),
        "unhex": calling("unhex"),
        "upper": calling("upper"),
    }
)


def alias(column: Column, name: str) -> Column:
    """Return the column under a name."""
    return Column(exp.Alias(this=column.column_expression, alias=exp.to_identifier(name, quoted=True)))


def without_walking(make: Callable[[Column, Any], None]) -> Callable[[Column, Any], None]:
    """Let a column hold an expression as it is.

    SQLFrame walks through all of it at every step to put names in lower case; ours are.
    """

    def make_column(column: Column, expression: Any) -> None:
        if isinstance(expression, exp.Expression):
            column.expression = expression
        else:
            make(column, expression)

    return make_column


def isin(column: Column, *values: Any) -> Column:
    """Whether a column is one of some values; of none it is not."""
    if not values:
        return Column(exp.false())
    listed = [value.column_expression if isinstance(value, Column) else literal_of(value) for value in values]
    return Column(exp.In(this=column.column_expression, expressions=listed))


Column.__init__ = without_walking(Column.__init__)
Column.alias, Column.isin, Column.try_cast = alias, isin, try_cast
Column.rlike, Column.__getitem__ = rlike, item
