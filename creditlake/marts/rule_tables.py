"""Rule rows as tables of the build's database; several values stand in one cell, separated by `;`."""

from collections.abc import Iterable
from typing import Any

from creditlake.rules import Rules

RULE_TABLES = {
    "publication_windows": "rule_id varchar, regime varchar, effective_from date, effective_to date,"
    " priority integer, severities varchar, procedures varchar, domains varchar, kinds_only varchar,"
    " counterpart_classes varchar, is_published boolean, min_months integer, max_months integer",
    "window_transitions": "rule_id varchar, regime varchar, effective_from date, effective_to date,"
    " priority integer",
    "derived_severities": "rule_id varchar, procedure_type varchar, kind varchar, severity varchar,"
    " effective_from date, effective_to date, priority integer",
    "list_terms": "rule_id varchar, list_code varchar, list_type varchar, dataset varchar, priority integer,"
    " field varchar, contains varchar, term_from varchar, ends varchar, term_months integer,"
    " responsible_roles varchar, responsible_from date, responsible_to date,"
    " effective_from date, effective_to date",
    "masking": "rule_id varchar, element varchar, public_form varchar, keep_left integer, keep_right integer,"
    " fill varchar, fields varchar, effective_from date, effective_to date, priority integer",
    "role_names": "role varchar, name_zh varchar",
    "redaction": "rule_id varchar, element varchar, pattern varchar, checked varchar, keep_prefix boolean,"
    " replacement varchar, fields varchar, effective_from date, effective_to date, priority integer",
}


def rule_rows(rules: Rules) -> dict[str, list[tuple[Any, ...]]]:
    """Return the rows of every rule table; `priority` is the file's order where the rule has none."""
    return {
        "publication_windows": [
            (
                r.rule_id,
                r.regime,
                r.effective_from,
                r.effective_to,
                r.priority,
                joined(r.severities),
                joined(r.procedures),
                joined(r.domains),
                joined(r.kinds_only),
                joined(r.counterpart_classes),
                r.publish,
                r.min_months,
                r.max_months,
            )
            for r in rules.publication_windows
        ],
        "window_transitions": [
            (r.rule_id, r.regime, r.effective_from, r.effective_to, i)
            for i, r in enumerate(rules.transitions)
        ],
        "derived_severities": [
            (r.rule_id, r.procedure, r.kind, r.severity, r.effective_from, r.effective_to, i)
            for i, r in enumerate(rules.derived_severity)
        ],
        "list_terms": [
            (
                r.rule_id,
                r.list_code,
                r.list_type,
                r.dataset,
                r.priority,
                r.applies_when.field if r.applies_when else None,
                joined(r.applies_when.contains) if r.applies_when else None,
                r.term_from,
                r.ends,
                r.term_months,
                joined(r.responsible.roles) if r.responsible else None,
                r.responsible.effective_from if r.responsible else None,
                r.responsible.effective_to if r.responsible else None,
                r.effective_from,
                r.effective_to,
            )
            for r in rules.list_terms
        ],
        "masking": [
            (
                r.rule_id,
                r.element,
                r.public_form,
                r.keep_left,
                r.keep_right,
                r.fill,
                joined(r.fields),
                r.effective_from,
                r.effective_to,
                i,
            )
            for i, r in enumerate(rules.masking)
        ],
        "role_names": [(role.code, role.name_zh) for role in rules.roles.roles],
        "redaction": [
            (
                r.rule_id,
                r.element,
                r.pattern,
                r.check,
                r.keep_prefix,
                r.replacement,
                joined(r.fields),
                r.effective_from,
                r.effective_to,
                i,
            )
            for i, r in enumerate(rules.redaction)
        ],
    }


def joined(values: Iterable[str]) -> str | None:
    """Return values as one cell, None for none."""
    return ";".join(values) or None
