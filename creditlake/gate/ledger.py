"""Conservation: every received row is accepted, held, rejected, dropped or blocked."""

from collections.abc import Iterable

from creditlake.candidate import BatchInput, LedgerRow
from creditlake.gate.model import Finding

ASK = "credit_center"


def check_ledger(ledger: Iterable[LedgerRow], batches: Iterable[BatchInput]) -> list[Finding]:
    """Return a finding per ledger row that does not add up, and per batch that the ledger does not have.

    `batches` are the ones the build knew; the ledger is made by other means from the lake's files, so
    that a batch which fell out of a query is noticed.
    """
    findings = []
    rows: dict[str, LedgerRow] = {}
    for row in ledger:
        if row.batch_id in rows:
            findings.append(_finding(row.batch_id, "two ledger rows", "台账有两行", 2, 1))
        rows[row.batch_id] = row
        if row.difference:
            findings.append(
                _finding(
                    row.batch_id,
                    f"{row.dataset}: {row.difference} of {row.received} rows received are not accounted for",
                    f"{row.dataset} 收到 {row.received} 行，其中 {row.difference} 行去向不明",
                    row.difference,
                    0,
                )
            )
        if row.received is None and row.status == "ok":
            findings.append(
                _finding(
                    row.batch_id,
                    f"{row.dataset}: the batch is used, but nobody counted its rows",
                    f"{row.dataset} 批次已使用但没有行数",
                    0,
                    None,
                )
            )
    known = {batch.batch_id for batch in batches}
    for batch_id in sorted(known - set(rows)):
        findings.append(_finding(batch_id, "the batch is missing in the ledger", "批次未进入台账", 0, 1))
    for batch_id in sorted(set(rows) - known):
        findings.append(
            _finding(batch_id, "the ledger names a batch the build did not know", "台账批次没有来源", 1, 0)
        )
    return findings


def _finding(batch_id: str, message: str, message_zh: str, observed: float, limit: float | None) -> Finding:
    return Finding(
        check="ledger",
        name=batch_id,
        table="ledger",
        severity="hold",
        message=f"batch {batch_id}: {message}",
        message_zh=f"批次 {batch_id}：{message_zh}",
        ask=ASK,
        observed=observed,
        limit=limit,
        approvable=False,
    )
