"""Run the GX suite of one table on pandas.

pandas with pyarrow columns, only the columns the suite names, one table at a time: ten million rows
of ten columns then need less than 4 GB. Great Expectations takes seconds to import, so it is imported
on first use. Its lists of unexpected values are dropped here: they would carry personal data into reports.
"""

import os
from collections.abc import Sequence
from functools import cache, reduce
from operator import and_
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from creditlake.gate.declaration import Declaration, Expectation
from creditlake.gate.model import Finding, Severity

SEVERITY: dict[str, Severity] = {"critical": "hold", "warning": "warn"}


class ExpectationBroke(Exception):
    """An expectation could not be evaluated: a wrong argument or type, not a wrong value."""


def run_suite(declaration: Declaration, paths: Sequence[Path]) -> list[Finding]:
    """Return one finding per failed expectation of the table in these Parquet files.

    Raises ExpectationBroke if one could not be evaluated: a check that did not run has not passed.
    """
    columns = sorted({c for e in declaration.expectations for c in e.columns} | {declaration.grain[0]})
    frame = _read_frame(paths, columns)
    result = _context_batch(frame).validate(_build_suite(declaration), result_format="SUMMARY")
    by_id = {e.id: e for e in declaration.expectations}
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
    return sorted(findings, key=lambda f: f.name)


def _exception_of(info: dict[str, Any]) -> str | None:
    """Return the message of an exception; GX nests it by metric, and calls the expectation just failed."""
    if "raised_exception" in info:
        return str(info["exception_message"]) if info["raised_exception"] else None
    return next((m for nested in info.values() if (m := _exception_of(nested))), None)


def _read_frame(paths: Sequence[Path], columns: list[str]) -> Any:
    import pandas as pd

    table = pa.concat_tables([pq.read_table(path, columns=columns) for path in paths])
    return table.to_pandas(types_mapper=pd.ArrowDtype, self_destruct=True)


@cache
def _context() -> Any:
    """Return the ephemeral context: nothing on disk, no analytics, no progress bars."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"  # GX reads it while it is imported
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    source = context.data_sources.add_pandas("candidate")
    source.add_dataframe_asset("table").add_batch_definition_whole_dataframe("whole")
    return context


def _context_batch(frame: Any) -> Any:
    asset = _context().data_sources.get("candidate").get_asset("table")
    return asset.get_batch_definition("whole").get_batch({"dataframe": frame})


def _build_suite(declaration: Declaration) -> Any:
    _context()
    import great_expectations as gx
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
    from great_expectations.expectations.metadata_types import FailureSeverity

    suite = gx.ExpectationSuite(name=declaration.table)
    for expectation in declaration.expectations:
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
