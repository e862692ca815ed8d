"""The summary of the demo's days, as text and as one HTML page an office head can read (中英对照)."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, select_autoescape
from rich.console import Console
from rich.table import Table

from creditlake.catalog import Catalog
from creditlake.look.day import DaySummary

TEMPLATES = Path(__file__).parent
OUTCOMES = (
    ("accepted", "接收"),
    ("held", "暂存"),
    ("rejected", "退回"),
    ("dropped", "重复"),
    ("blocked", "整批拦截"),
)

# What became of a current record (`hidden_reason` of dbt_project/macros/states.sql), for the office.
PUBLICATION = {
    "published": "已公开",
    "held": "暂存不公开",
    "in_review": "待人工核对",
    "unlinked": "未匹配主体",
    "inferred": "推断匹配不公开",
    "natural_person": "自然人不公开",
    "minor": "未成年人不公开",
    "not_published_kind": "依规不公开",
    "not_public": "非公开数据集",
    "not_in_force": "已失效",
    "no_list_rule": "无名单规则不公开",
    "severely_listed": "因严重失信不列入",
    "unknown_age": "年龄不明不公开",
    "disputed": "有异议不公开",
    "expired": "公示期满",
    "repaired": "已修复",
    "withdrawn": "已撤销",
    "removed": "已移出",
}


@dataclass(frozen=True)
class Bar:
    """One department's rows on one day, each part with its share of the longest bar in per cent."""

    name: str
    received: int
    parts: tuple[tuple[str, str, int, float], ...]  # outcome, label, rows, per cent


def blocked_rows(day: DaySummary) -> dict[str, int]:
    """Return rows of blocked batches by department; unreadable files have no rows to count."""
    counts: Counter[str] = Counter()
    today = {batch.batch_id for batch in day.candidate.batches if batch.received_date == day.business_date}
    for row in day.candidate.ledger:
        if row.batch_id in today:
            counts[row.dataset.split(".")[0]] += row.blocked
    return counts


def make_bars(day: DaySummary) -> list[Bar]:
    """Return a bar per department that delivered; lengths compare within one day."""
    blocked = blocked_rows(day)
    longest = max((d.received for d in day.delivering), default=0) or 1
    bars = []
    for department in day.delivering:
        counts = {
            "accepted": department.accepted,
            "held": department.held,
            "rejected": department.rejected,
            "dropped": department.dropped,
            "blocked": blocked.get(department.code, 0),
        }
        parts = tuple((key, label, counts[key], 100 * counts[key] / longest) for key, label in OUTCOMES)
        bars.append(Bar(department.name_zh, department.received, parts))
    return bars


def publication_table(days: list[DaySummary], catalog: Catalog) -> list[tuple[str, list[dict[str, int]]]]:
    """Return per dataset the publication outcome of each day."""
    names = [name for name in catalog.contracts if any(day.published(name) for day in days)]
    return [(catalog.contracts[name].title, [day.published(name) for day in days]) for name in names]


def write_page(path: Path, days: list[DaySummary], catalog: Catalog) -> None:
    """Write the page; it needs nothing from the network."""
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=select_autoescape(default=True))
    environment.filters["thousands"] = lambda number: f"{number:,}"
    page = environment.get_template("page.html.j2").render(
        days=[(day, make_bars(day)) for day in days],
        publication=publication_table(days, catalog),
        outcomes=OUTCOMES,
        labels=PUBLICATION,
        departments={department.code: department.name_zh for department in catalog.departments.values()},
    )
    path.write_text(page, encoding="utf-8")


def print_summary(console: Console, days: list[DaySummary], home: Path, page: Path) -> None:
    """Print what each day brought, what is held back and why, and where to look next."""
    for day in days:
        table = Table(title=f"{day.business_date}  build {day.build}", title_justify="left")
        table.add_column("department 部门", no_wrap=True)
        for name in (
            "files 文件",
            "received 收到",
            "accepted 接收",
            "held 暂存",
            "rejected 退回",
            "dropped 重复",
        ):
            table.add_column(name, justify="right")
        table.add_column("blocked 整批拦截")
        for d in day.delivering:
            files = f"{d.deliveries} ({d.repeated} again)" if d.repeated else str(d.deliveries)
            numbers = [f"{n:,}" for n in (d.received, d.accepted, d.held, d.rejected, d.dropped)]
            table.add_row(d.name_zh, files, *numbers, str(len(d.blocked) or ""))
        console.print(table)
        if day.silent:
            console.print(f"  no delivery 未报送 ({len(day.silent)}): {'、'.join(day.silent)}")
        print_outcome(console, day)
    print_next_steps(console, home, page)


def print_outcome(console: Console, day: DaySummary) -> None:
    """Print the release and its changes, or why there is none and whom to ask."""
    for department in day.departments:
        for batch in department.blocked:
            for defect in batch.defects:
                console.print(f"  [yellow]blocked[/] {batch.dataset}: {defect.message}")
    if day.release:
        console.print(f"  [green]published[/] {day.release.release_id}")
        for table, change in day.changes.items():
            if any(change.values()):
                console.print(
                    f"    {table}: +{change['added']:,} −{change['removed']:,} changed {change['changed']:,}"
                )
    elif day.verdict:
        console.print("  [red]held[/]: nothing new is visible; readers still see the release before")
        for finding in day.verdict.holds:
            console.print(f"    {finding.message} — ask {finding.ask}")


def print_next_steps(console: Console, home: Path, page: Path) -> None:
    """Print the commands that look further."""
    prefix = f"CREDITLAKE_HOME={home} uv run --no-sync creditlake"
    console.print("\nLook further:")
    for command in (
        "status",
        'sql "select list_code, count(*) from pub_list_current group by 1"',
        'sql "select record_id, counterpart_name, fine_cny from pub_penalty order by fine_cny desc limit 3"',
        "trace <record_id>",
    ):
        console.print(f"  {prefix} {command}")
    console.print(f"  return files of the departments (反馈文件): {home}/outbox/")
    console.print(f"  this summary as a page: {page}")
