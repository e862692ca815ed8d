"""Defects of a row: rules are collected as conditions, and one text per row says which of them hold.

A dataset has up to two hundred rules. As structs in arrays they made plans that took half a minute to
compile; as `case … then 'E17'` joined by commas they take a second, and only rows with a defect pay for
turning the numbers into structs. A detail says what is wrong and never repeats a delivered value.
"""

from dataclasses import dataclass, field

from creditlake.catalog import Catalog
from spark_jobs.engine import Column, F
from spark_jobs.literals import sql_text

DEFECTS_TYPE = "array<struct<code:string,level:string,field:string,detail:string>>"
REJECTING, HOLDING = "E", "H"
DROPPING = "X"  # in marks only: the code's outcome, not its level, says that the row is left out


@dataclass(frozen=True)
class Rule:
    """One defect that a row may have."""

    condition: Column
    code: str
    level: str
    field: str
    detail: str
    drops: bool = False


@dataclass
class DefectRules:
    """The rules of a dataset, in the order in which a row's defects are listed."""

    catalog: Catalog
    rules: list[Rule] = field(default_factory=list)

    def add(
        self, condition: Column, code: str, field_name: str, detail: str = "", *, other_level: bool = False
    ) -> None:
        """Add a rule: the defect is there where the condition is true, not where it is unknown.

        `other_level` takes the second level that the catalogue has for the code.
        """
        known = self.catalog.defects[code]
        level = known.other_level if other_level else known.level
        assert level is not None, f"{code} has no second level"
        drops = known.outcome == "dropped"
        self.rules.append(Rule(condition, code, level, field_name, detail, drops))

    def found(self) -> Column:
        """Return level and number of the rules that hold (`E12,W40`); empty for a row without a defect.

        A row that is left out is judged no further: nobody has to mend what does not count.
        """
        dropping: list[Column] = []
        judging: list[Column] = []
        for number, rule in enumerate(self.rules, start=1):
            marks, level = (dropping, DROPPING) if rule.drops else (judging, rule.level)
            marks.append(F.when(rule.condition, f"{level}{number}"))
        found = F.concat_ws(",", *judging)
        return F.coalesce(*dropping, found) if dropping else found

    def defects(self, found: str) -> Column:
        """Return the defects of a row from the column that `found` made."""
        rules = ", ".join(
            "named_struct('code', {}, 'level', {}, 'field', {}, 'detail', {})".format(
                *map(sql_text, (rule.code, rule.level, rule.field, rule.detail))
            )
            for rule in self.rules
        )
        place = "cast(substring(mark, 2) as int)"
        defects = F.expr(f"transform(split({found}, ','), mark -> element_at(array({rules}), {place}))")
        return F.when(F.col(found) != "", defects).otherwise(F.expr("array()")).cast(DEFECTS_TYPE)


def has_level(found: str, level: str) -> Column:
    """Whether any of a row's defects has this level, from the column that `found` made."""
    return F.contains(F.col(found), F.lit(level))
