"""DataFrames as chains of SQL for DuckDB; the columns in them are SQLFrame's.

SQLFrame's own DataFrame copies and resolves the whole plan at every step, which takes longer than a small day
itself. Here a step is one more named query, and DuckDB plans the chain once. There are the methods that the
row work calls, with PySpark's names and results.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
from sqlframe.duckdb import Column
from sqlglot import exp, parse_one

from creditlake.duck import quote_name

JOINS = {"inner": "join", "left": "left join", "full_outer": "full join"}
FILTERS = {"left_semi": "semi join", "left_anti": "anti join"}


def sql_of(value: Any) -> str:
    """Return a column, its alias left out, as SQL of DuckDB; a name is a column."""
    if isinstance(value, Column):
        text = value.column_expression.sql(dialect="duckdb")
        assert isinstance(text, str)
        return text
    name, *inner = value.split(".")
    return ".".join(map(quote_name, [name, *inner]))


def condition(value: Any) -> str:
    """Return a condition as SQL of DuckDB; a text is SQL of Spark."""
    return parse_one(value, read="spark").sql(dialect="duckdb") if isinstance(value, str) else sql_of(value)


def name_of(value: Any) -> str:
    """Return what a column is called."""
    if isinstance(value, Column):
        assert isinstance(value.expression, exp.Alias | exp.Column), f"no name for {value.expression}"
        return value.expression.alias_or_name
    return str(value).rpartition(".")[2]


@dataclass(frozen=True)
class Session:
    """A connection to DuckDB, as far as the row work asks a session."""

    connection: duckdb.DuckDBPyConnection


class DataFrame:
    """A query over the queries before it."""

    def __init__(
        self, session: Session, query: str, columns: Sequence[str], before: Mapping[str, str] | None = None
    ) -> None:
        """Take a query that may name those before it; nothing is asked of DuckDB yet."""
        self.sparkSession = session
        self.columns = list(columns)
        self.name = f"q{uuid.uuid4().hex[:16]}"
        self.queries = {**(before or {}), self.name: query}

    def __repr__(self) -> str:
        """Return the columns only: a query holds keys."""
        return f"DataFrame[{', '.join(self.columns)}]"

    def sql(self) -> str:
        """Return the whole chain as one query."""
        *before, (_, last) = self.queries.items()
        chain = ", ".join(f"{name} as not materialized ({query})" for name, query in before)
        return f"with {chain} {last}" if chain else last

    def _next(self, query: str, columns: Sequence[str], *others: "DataFrame") -> "DataFrame":
        before = dict(self.queries)
        for other in others:
            before |= other.queries
        return DataFrame(self.sparkSession, query, columns, before)

    # ---- rows and columns

    def select(self, *columns: Any) -> "DataFrame":
        """Return some columns; `*` is all."""
        wanted: list[Any] = [
            name for column in columns for name in (self.columns if self._is_star(column) else [column])
        ]
        listed = ", ".join(f"{sql_of(column)} as {quote_name(name_of(column))}" for column in wanted)
        return self._next(f"select {listed} from {self.name}", [name_of(column) for column in wanted])

    @staticmethod
    def _is_star(column: Any) -> bool:
        return isinstance(column, str) and column == "*"

    def withColumns(self, columns: Mapping[str, Column]) -> "DataFrame":
        """Return all columns and these; one of the same name takes its place."""
        kept = [columns[name].alias(name) if name in columns else name for name in self.columns]
        new = [column.alias(name) for name, column in columns.items() if name not in self.columns]
        return self.select(*kept, *new)

    def withColumn(self, name: str, column: Column) -> "DataFrame":
        """Return all columns and this one."""
        return self.withColumns({name: column})

    def withColumnRenamed(self, old: str, new: str) -> "DataFrame":
        """Return all columns, one under another name."""
        names = [new if name == old else name for name in self.columns]
        listed = ", ".join(
            f"{quote_name(name)} as {quote_name(other)}"
            for name, other in zip(self.columns, names, strict=True)
        )
        return self._next(f"select {listed} from {self.name}", names)

    def drop(self, *names: str) -> "DataFrame":
        """Return all columns but these."""
        return self.select(*(name for name in self.columns if name not in names))

    def where(self, holds: Any) -> "DataFrame":
        """Return the rows for which a condition holds."""
        return self._next(f"select * from {self.name} where {condition(holds)}", self.columns)

    def distinct(self) -> "DataFrame":
        """Return each row once."""
        return self._next(f"select distinct * from {self.name}", self.columns)

    def unionByName(self, other: "DataFrame") -> "DataFrame":
        """Return the rows of both, whatever the order of the other's columns."""
        assert set(self.columns) == set(other.columns)
        listed = ", ".join(map(quote_name, self.columns))
        query = f"select {listed} from {self.name} union all select {listed} from {other.name}"
        return self._next(query, self.columns, other)

    def join(self, other: "DataFrame", on: str | Sequence[str], how: str = "inner") -> "DataFrame":
        """Join on columns of the same name, which come first and once."""
        key = [on] if isinstance(on, str) else list(on)
        using = f"using ({', '.join(map(quote_name, key))})"
        if how in FILTERS:
            query = f"select l.* from {self.name} as l {FILTERS[how]} {other.name} as r {using}"
            return self._next(query, self.columns, other)
        left = [name for name in self.columns if name not in key]
        right = [name for name in other.columns if name not in key]
        listed = [
            *map(quote_name, key),
            *(f"l.{quote_name(name)}" for name in left),
            *(f"r.{quote_name(name)}" for name in right),
        ]
        query = f"select {', '.join(listed)} from {self.name} as l {JOINS[how]} {other.name} as r {using}"
        return self._next(query, [*key, *left, *right], other)

    def orderBy(self, *columns: Any) -> "DataFrame":
        """Return the rows in order, for `limit` or `collect` right after."""
        order = ", ".join(map(sql_of, columns))
        return self._next(f"select * from {self.name} order by {order}", self.columns)

    def limit(self, rows: int) -> "DataFrame":
        """Return the first rows of an order."""
        *_, last = self.queries.values()
        before = {name: query for name, query in self.queries.items() if name != self.name}
        return DataFrame(self.sparkSession, f"{last} limit {rows}", self.columns, before)

    def count(self) -> int:
        """Return the number of rows."""
        (counted,) = self._next(f"select count(*) from {self.name}", ["count"]).collect()
        return int(counted[0])

    def groupBy(self, *columns: Any) -> "Groups":
        """Return the groups of equal values."""
        return Groups(self, columns)

    # ---- results

    def collect(self) -> list[Any]:
        """Return all rows, as tuples that know their columns."""
        return [Row(self.columns, values) for values in self._execute().fetchall()]

    def first(self) -> Any:
        """Return a row, or None."""
        return next(iter(self.collect()), None)

    def _execute(self) -> duckdb.DuckDBPyConnection:
        return self.sparkSession.connection.execute(self.sql())


@dataclass(frozen=True)
class Groups:
    """Groups of rows."""

    table: DataFrame
    columns: Sequence[Any]

    def agg(self, *columns: Column) -> DataFrame:
        """Return a row per group: its values and these aggregates."""
        listed = [*self.columns, *columns]
        expressions = ", ".join(f"{sql_of(column)} as {quote_name(name_of(column))}" for column in listed)
        groups = ", ".join(str(place) for place in range(1, len(self.columns) + 1))
        query = f"select {expressions} from {self.table.name} group by {groups}"
        return self.table._next(query, [name_of(column) for column in listed])

    def count(self) -> DataFrame:
        """Return a row per group with its number of rows."""
        return self.agg(Column(exp.Count(this=exp.Star())).alias("count"))


class Row(tuple[Any, ...]):
    """A row: its values in order, and by name."""

    def __new__(cls, columns: Sequence[str], values: Sequence[Any]) -> "Row":
        """Take the values in the order of the columns."""
        row = super().__new__(cls, values)
        row.columns = list(columns)
        return row

    columns: list[str]

    def __getattr__(self, name: str) -> Any:
        """Return the value of a column."""
        return self[name]

    def __getitem__(self, key: Any) -> Any:
        """Return the value at a place or of a column."""
        return super().__getitem__(self.columns.index(key) if isinstance(key, str) else key)

    def asDict(self) -> dict[str, Any]:
        """Return the values by column."""
        return dict(zip(self.columns, self, strict=True))
