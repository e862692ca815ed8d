"""Values as literals of Spark's SQL, which the other engine's translator reads too."""

from datetime import date


def sql_text(text: str) -> str:
    """Return a text as a SQL literal."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def sql_literal(value: object) -> str:
    """Return a value as a SQL literal."""
    match value:
        case None:
            return "null"
        case bool() | int():
            return str(value).lower()
        case date():
            return f"date'{value.isoformat()}'"
        case str():
            return sql_text(value)
    raise TypeError(f"no literal for {type(value).__name__}")
