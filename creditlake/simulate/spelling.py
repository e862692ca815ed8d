"""How departments spell dates, amounts and empty cells: the usual way, and the dialects of domain.md §6.2."""

from creditlake.simulate.draws import Draws

DATE_STYLES = {
    "dash": "%Y-%m-%d",
    "slash": "%Y/%m/%d",
    "compact": "%Y%m%d",
    "chinese": "%Y年%m月%d日",
    "loose": "%Y-%-m-%-d",
}
EPOCH = "1970-01-01"
EXCEL_EPOCH = "1899-12-30"  # day 0 of Excel's serials after its leap-year slip of 1900
SHANGHAI_MS = 8 * 3_600_000  # a department's midnight is eight hours before UTC's
DAY_MS = 86_400_000
FILLERS = ("无", "暂无", "/", "-", "NULL", "null", "\\N", "\\n")


def date_style(draws: Draws, purpose: str, share: float) -> str:
    """SQL: the row's date style: `usual`, or one of the dialects."""
    styles = (*DATE_STYLES, "epoch", "serial")
    return draws.classify(f"{purpose}:date_style", {style: share / len(styles) for style in styles}, "usual")


def date_text(value: str, usual: str, style: str = "date_style") -> str:
    """SQL: a date as text in the style named by the column `style`; `usual` is one of DATE_STYLES."""
    branches = " ".join(
        f"when '{name}' then strftime({value}, '{form}')" for name, form in DATE_STYLES.items()
    )
    return (
        f"case {style} when 'usual' then strftime({value}, '{DATE_STYLES[usual]}') {branches} "
        f"when 'epoch' then (({value} - date '{EPOCH}')::bigint * {DAY_MS} - {SHANGHAI_MS})::varchar "
        f"else ({value} - date '{EXCEL_EPOCH}')::varchar end"
    )


def plain_date(value: str, style: str) -> str:
    """SQL: a date as text in one fixed style of DATE_STYLES."""
    return f"strftime({value}, '{DATE_STYLES[style]}')"


def wan_text(yuan: str, draws: Draws, purpose: str, share: float) -> str:
    """SQL: yuan as 万元 text, six decimals at most; dialects: padded zeros, thousands commas."""
    wan = f"(({yuan})::decimal(18, 6) / 10000)::decimal(18, 6)"
    style = draws.classify(f"{purpose}:style", {"padded": share / 2, "comma": share / 2}, "usual")
    return (
        f"case {style} when 'padded' then {wan}::varchar when 'comma' then format('{{:,.2f}}', "
        f"{wan}::double) "
        f"else rtrim(rtrim({wan}::varchar, '0'), '.') end"
    )


def optional(value: str, draws: Draws, purpose: str, share: float) -> str:
    """SQL: an optional cell; a share of the empty ones holds a filler instead of nothing."""
    fillers = "[" + ", ".join(f"'{filler}'" for filler in FILLERS) + "]"
    index = draws.below(f"{purpose}:filler_word", len(FILLERS))
    return (
        f"coalesce({value}, case when {draws.chance(f'{purpose}:filler', share)} then {fillers}[1 "
        f"+ {index}] end)"
    )


def document_number(usual: str, draws: Draws, purpose: str, share: float) -> str:
    """SQL: a document number written with 〔〕; a share has other brackets or blanks."""
    step = share / 4
    style = draws.classify(
        f"{purpose}:doc_no", {"square": step, "lens": step, "round": step, "blank": step}, "usual"
    )
    return (
        f"case {style} when 'square' then translate({usual}, '〔〕', '[]') when 'lens' "
        f"then translate({usual}, '〔〕', '【】') "
        f"when 'round' then translate({usual}, '〔〕', '（）') when 'blank' then replace({usual}, '〕', "
        f"'〕 ') else {usual} end"
    )
