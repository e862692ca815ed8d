"""The gate's report for people: Markdown and one HTML page of the same, in Chinese with English beside it."""

from collections.abc import Sequence
from html import escape

from creditlake.diff import TableDiff
from creditlake.gate.model import Finding, Verdict

VERDICT_ZH = {"pass": "通过", "hold": "暂缓发布"}
CHECK_ZH = {
    "declaration": "发布声明",
    "expectation": "质量期望",
    "dbt_test": "规则检查",
    "ledger": "数据守恒台账",
    "personal_data": "个人信息扫描",
    "envelope": "数量变动范围",
}
SEVERITY_ZH = {"hold": "阻断", "warn": "提醒"}
STYLE = (
    "body{font:15px/1.6 sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;width:100%;margin:1rem 0}"
    "td,th{border:1px solid #bbb;padding:.3rem .6rem;text-align:left;vertical-align:top}"
    ".hold{color:#b00020;font-weight:bold}.pass{color:#1b6e2e;font-weight:bold}td.n{text-align:right}"
)
Row = tuple[str, ...]


def _sections(verdict: Verdict, diffs: Sequence[TableDiff]) -> list[tuple[str, Row, list[Row]]]:
    """Return (heading, header, rows) of each table of the report."""
    findings: list[Row] = [
        (SEVERITY_ZH[f.severity], CHECK_ZH[f.check], f.table or "", f.message_zh, f.message, f.ask, _cure(f))
        for f in sorted(verdict.findings, key=lambda f: f.severity)
    ]
    changes: list[Row] = [
        (
            d.table,
            f"{d.rows_before:,}",
            f"{d.rows_after:,}",
            f"{d.added:,}",
            f"{d.changed:,}",
            f"{d.removed:,}",
            "；".join(
                f"{what} {', '.join(names)}"
                for what, names in (
                    ("新增字段", d.columns_added),
                    ("减少字段", d.columns_removed),
                    ("类型变化", d.columns_retyped),
                )
                if names
            ),
        )
        for d in diffs
    ]
    checks: list[Row] = [(CHECK_ZH[kind], f"{count:,}") for kind, count in sorted(verdict.checks.items())]
    return [
        ("问题 Findings", ("级别", "检查", "表", "说明", "In English", "询问谁 Ask", "怎么办"), findings),
        ("与已发布版本相比 Changes", ("表", "原行数", "现行数", "新增", "变更", "移除", "结构"), changes),
        ("执行的检查 Checks run", ("检查", "数量"), checks),
    ]


def _cure(finding: Finding) -> str:
    if finding.severity == "warn":
        return "记录并由责任单位跟进"
    if finding.approvable:
        return "核实属实后批准本候选版本，否则由来源单位更正后重建"
    return "必须更正后重建，不可批准放行"


def _intro(verdict: Verdict) -> list[str]:
    holds = len(verdict.holds)
    parent = verdict.parent or "无（首次发布）"
    lines = [
        f"业务日期 {verdict.business_date}，构建 {verdict.build}，对比已发布版本 {parent}。",
        f"结论：{VERDICT_ZH[verdict.verdict]}（{verdict.verdict}），阻断问题 {holds} 个，"
        f"提醒 {len(verdict.findings) - holds} 个。",
    ]
    if holds:
        lines.append("已发布版本保持不变，读者看到的数据不受影响。The published release is untouched.")
        lines.append(f"候选版本 candidate hash: {verdict.candidate_hash}")
    return lines


def render_markdown(verdict: Verdict, diffs: Sequence[TableDiff]) -> str:
    """Return the report as Markdown."""
    lines = ["# 发布检查报告 Gate report", "", *(f"{line}\n" for line in _intro(verdict))]
    for heading, header, rows in _sections(verdict, diffs):
        lines += [f"## {heading}", ""]
        if not rows:
            lines += ["无 none", ""]
            continue
        lines += ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
        lines += [
            "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) + " |"
            for row in rows
        ]
        lines.append("")
    return "\n".join(lines)


def render_html(verdict: Verdict, diffs: Sequence[TableDiff]) -> str:
    """Return the report as one page without outside references."""
    parts = [
        f"<!doctype html><html lang='zh'><meta charset='utf-8'>"
        f"<title>发布检查 {escape(verdict.build)}</title><style>{STYLE}</style>"
        "<h1>发布检查报告 Gate report</h1>",
        *(
            f"<p class='{verdict.verdict if line.startswith('结论') else ''}'>{escape(line)}</p>"
            for line in _intro(verdict)
        ),
    ]
    for heading, header, rows in _sections(verdict, diffs):
        parts.append(f"<h2>{escape(heading)}</h2>")
        if not rows:
            parts.append("<p>无 none</p>")
            continue
        parts.append("<table><tr>" + "".join(f"<th>{escape(cell)}</th>" for cell in header) + "</tr>")
        for row in rows:
            cells = (
                f"<td{' class=n' if cell.replace(',', '').isdigit() else ''}>{escape(cell)}</td>"
                for cell in row
            )
            parts.append(f"<tr>{''.join(cells)}</tr>")
        parts.append("</table>")
    return "\n".join([*parts, "</html>"])
