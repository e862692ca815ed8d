"""Run the GX suite of one table on pandas.

Expectations over the same columns share a frame of exactly those columns, and the frames follow one another:
peak memory is that of the widest group, not of the table. Where only presence is asked, one byte per row is
loaded instead of the text. Great Expectations takes seconds to import, so it is imported on first use. Its
lists of unexpected values are dropped here: they would carry personal data into reports.
"""

import logging
import os
from collections.abc import Sequence
from functools import cache, reduce
from operator import and_
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from creditlake.gate.declaration import Declaration, Expectation
from creditlake.gate.model import Finding, Severity

BATCH_ROWS = 131_072
PRESENCE = frozenset(
    {
        "expect_column_values_to_not_be_null",
        "expect_column_values_to_be_null",
        "expect_table_row_count_to_be_between",
    }
)
SEVERITY: dict[str, Severity] = {"critical": "hold", "warning": "warn"}


class ExpectationBroke(Exception):
    """An expectation could not be evaluated: a wrong argument or type, not a wrong value."""


def run_suite(declaration: Declaration, paths: Sequence[Path]) -> list[Finding]:
    """Return one finding per failed expectation of the table in these Parquet files.

    Raises ExpectationBroke if one could not be evaluated: a check that did not run has not passed.
    """
    groups: dict[frozenset[str], list[Expectation]] = {}
    for expectation in declaration.expectations:
        groups.setdefault(frozenset(expectation.columns) or frozenset(declaration.grain[:1]), []).append(
            expectation
        )
    findings = [
        finding
        for columns, expectations in groups.items()
        for finding in _run_group(declaration, expectations, sorted(columns), paths)
    ]
    return sorted(findings, key=lambda f: f.name)


def _run_group(
    declaration: Declaration, expectations: Sequence[Expectation], columns: list[str], paths: Sequence[Path]
) -> list[Finding]:
    only_presence = all(e.type in PRESENCE and not e.when for e in expectations)
    frame = _read_frame(paths, columns, only_presence)
    result = _batch_of(frame).validate(_build_suite(declaration, expectations), result_format="SUMMARY")
    by_id = {e.id: e for e in expectations}
    if len(result.results) != len(by_id):
        raise ExpectationBroke(
            f"{declaration.table}: {len(by_id)} expectations, {len(result.results)} results"
        )
    findings = []
    for outcome in result.results:
        expectation = by_id[outcome.expectation_config.meta["id"]]
        if broke := _exception_of(outcome.exception_info or {}):
            raise ExpectationBroke(f"{declaration.table}: {expectation.id}: {broke}")
        if not outcome.success:
            findings.append(_describe(declaration, expectation, outcome.result))
    return findings


def _exception_of(info: dict[str, Any]) -> str | None:
    """Return the message of an exception; GX nests it by metric, and calls the expectation just failed."""
    if "raised_exception" in info:
        return str(info["exception_message"]) if info["raised_exception"] else None
    return next((m for nested in info.values() if (m := _exception_of(nested))), None)


def _read_frame(paths: Sequence[Path], columns: list[str], only_presence: bool) -> Any:
    """Read some columns as a pyarrow-backed frame, row group by row group.

    Decimals become floats (exact to a hundredth below 10^13): GX compares value by value, and Decimal objects
    cost three times as much.
    """
    import pandas as pd

    pieces = []
    for path in paths:
        with pq.ParquetFile(path) as parquet:
            for batch in parquet.iter_batches(batch_size=BATCH_ROWS, columns=columns):
                pieces.append(
                    pa.record_batch([_light(c, only_presence) for c in batch.columns], batch.schema.names)
                )
            schema = parquet.schema_arrow
    if not pieces:
        empty = [_light(pa.array([], schema.field(name).type), only_presence) for name in columns]
        pieces.append(pa.record_batch(empty, columns))
    return pa.Table.from_batches(pieces).to_pandas(types_mapper=pd.ArrowDtype, self_destruct=True)


def _light(column: Any, only_presence: bool) -> Any:
    if only_presence:
        return pc.if_else(column.is_valid(), pa.scalar(1, pa.int8()), pa.scalar(None, pa.int8()))
    return pc.cast(column, pa.float64()) if pa.types.is_decimal(column.type) else column


@cache
def prepare_expectations() -> Any:
    """Import Great Expectations and return its ephemeral context: nothing on disk, no analytics, no bars."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"  # GX reads it while it is imported
    logging.getLogger("great_expectations").setLevel(logging.WARNING)  # its import logs hundreds of lines
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig
    from great_expectations.execution_engine import pandas_execution_engine

    # Nothing reads this fingerprint of the whole frame; for a text of 1 M rows it cost 10 s and 1.7 GB.
    pandas_execution_engine.hash_pandas_dataframe = lambda _frame: "not computed"
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    source = context.data_sources.add_pandas("candidate")
    source.add_dataframe_asset("table").add_batch_definition_whole_dataframe("whole")
    return context


def _batch_of(frame: Any) -> Any:
    asset = prepare_expectations().data_sources.get("candidate").get_asset("table")
    return asset.get_batch_definition("whole").get_batch({"dataframe": frame})


def _build_suite(declaration: Declaration, expectations: Sequence[Expectation]) -> Any:
    prepare_expectations()
    import great_expectations as gx
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
    from great_expectations.expectations.metadata_types import FailureSeverity

    suite = gx.ExpectationSuite(name=declaration.table)
    for expectation in expectations:
        suite.add_expectation_configuration(
            ExpectationConfiguration(
                type=expectation.type,
                kwargs={**expectation.arguments, **_row_condition(expectation)},
                meta={"id": expectation.id},
                severity=FailureSeverity(expectation.severity),
            )
        )
    return suite


def _row_condition(expectation: Expectation) -> dict[str, Any]:
    """Return GX's condition for an expectation that is only about some rows."""
    from great_expectations.expectations.row_conditions import Column

    conditions = [Column(column) == value for column, value in expectation.when.items()]
    return {"row_condition": reduce(and_, conditions)} if conditions else {}


def _describe(declaration: Declaration, expectation: Expectation, result: dict[str, Any]) -> Finding:
    count = result.get("unexpected_count", result.get("observed_value"))
    rows = result.get("partial_unexpected_index_list") or []
    at = f", first at row {rows[0]}" if rows and isinstance(rows[0], int) else ""
    of_all = f"{count} values of {result.get('element_count')}{at}"
    return Finding(
        check="expectation",
        name=expectation.id,
        table=declaration.table,
        severity=SEVERITY[expectation.severity],
        observed=float(count) if isinstance(count, int | float) else None,
        message=f"{declaration.table}: {expectation.why}: {of_all}",
        message_zh=f"{declaration.table}：{expectation.why_zh}（{count} 处）",
        ask=declaration.owner,
    )
