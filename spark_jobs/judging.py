"""People's judgements over the machine's links: what was decided holds, and what contradicts it is told.

A judgement is found by the digest of the party, so it holds for every record that says the same, in every
build. The machine still forms its own opinion: where exact evidence now points to another subject than the
judgement, the judgement stands and the row carries `contradicted_by`, so that a person looks again. Whether
the register or the judgement is wrong, no rule can tell.
"""

from collections.abc import Mapping, Sequence

from creditlake.judgements import Decision, Ruling
from spark_jobs.engine import Column, DataFrame, F, SparkSession, make_frame
from spark_jobs.linking import LINK_COLUMNS
from spark_jobs.merging import Merges

JUDGED_COLUMNS = (*LINK_COLUMNS, "judgement_id", "contradicted_by")
TIER = "judgement"
CONTRADICTED = "judgement_contradicted"
RULINGS = (
    "party string, decision string, judged_id string, excluded string, overruled string, judgement_id string"
)
RulingRow = tuple[str, str, str | None, str, str, str]
# The types of JUDGED_COLUMNS, as links are read back.
LINKS = (
    "dataset string, batch_id string, file_name string, row_no bigint, record_id string, "
    "subject_kind string, party string, status string, grade string, tier string, subject_id string, "
    "evidence string, candidates array<string>, reason string, doubts array<string>, judgement_id string, "
    "contradicted_by string"
)


def list_rulings(rulings: Mapping[str, Ruling], merges: Merges) -> list[RulingRow]:
    """Return the rulings as rows (RULINGS), one per party, by party; several subjects are one text.

    A subject that was absorbed since it was judged about is the one that stands today.
    """

    def standing(subject: str) -> str:
        return merges.get(subject, subject)

    return [
        (
            party,
            str(ruling.newest.decision),
            standing(str(ruling.newest.subject_id)) if ruling.newest.decision is Decision.LINK else None,
            " ".join(map(standing, ruling.excluded)),
            " ".join(map(standing, ruling.overruled)),
            ruling.newest.judgement_id,
        )
        for party, ruling in sorted(rulings.items())
    ]


def rulings_frame(spark: SparkSession, rows: Sequence[RulingRow]) -> DataFrame:
    """Return the rulings as a small table; several subjects are an array."""
    return make_frame(spark, rows, RULINGS).withColumns(
        {name: F.split(name, " ") for name in ("excluded", "overruled")}
    )


def apply_judgements(links: DataFrame, rulings: DataFrame) -> DataFrame:
    """Return the links as people decided them (JUDGED_COLUMNS), one row per link.

    `link` makes status `judged`, with grade exact: a person's word proves no less than the register's. `none`
    makes unlinked. `not_this` takes its subjects from the candidates and forbids the machine to link to them;
    what was in review for several reasons stays there with the others. A party without a judgement is left as
    it is; `party` is kept only where there is a doubt or a judgement.
    """
    found = links.join(F.broadcast(rulings), "party", "left").withColumns(
        {
            "contradicted_by": contradiction(),
            "remaining": F.array_except("candidates", F.coalesce("excluded", no_texts())),
        }
    )
    decided = found.withColumn("ruling", ruling_of())
    linked, unlinked = F.col("ruling") == "link", F.col("ruling") == "unlinked"
    settled, nothing = F.col("ruling").isNotNull(), F.lit(None).cast("string")
    pair = F.sort_array(F.array_compact(F.array("contradicted_by", "judged_id")))
    contradicted = F.col("contradicted_by").isNotNull()
    named = F.concat(F.lit("judgement="), F.col("judgement_id"))
    columns = {
        "status": F.when(linked, "judged").when(unlinked, "unlinked").otherwise(F.col("status")),
        "grade": F.when(linked, "exact").when(unlinked, nothing).otherwise(F.col("grade")),
        "tier": F.when(settled, TIER).otherwise(F.col("tier")),
        "subject_id": F.when(linked, F.col("judged_id"))
        .when(unlinked, nothing)
        .otherwise(F.col("subject_id")),
        "evidence": F.when(F.col("judgement_id").isNull(), F.col("evidence")).otherwise(
            F.concat_ws("; ", "evidence", named)
        ),
        "candidates": F.when(contradicted, pair).when(settled, no_texts()).otherwise(F.col("remaining")),
        "reason": F.when(unlinked, F.concat(F.lit("judged_"), "decision"))
        .when(linked, nothing)
        .otherwise(F.col("reason")),
        "doubts": F.when(contradicted, F.array(F.lit(CONTRADICTED)))
        .when(settled, no_texts())
        .otherwise(F.col("doubts")),
    }
    return decided.select(
        *(columns[name].alias(name) if name in columns else F.col(name) for name in JUDGED_COLUMNS)
    ).withColumn(
        "party", F.when((F.col("status") != "auto") | F.col("judgement_id").isNotNull(), F.col("party"))
    )


def contradiction() -> Column:
    """Return the subject to which exact evidence points against a judgement, unless the judge knew it."""
    machine = F.when(F.col("grade") == "exact", F.col("subject_id"))
    against = (
        ((F.col("decision") == "link") & (machine != F.col("judged_id")))
        | (F.col("decision") == "none")
        | ((F.col("decision") == "not_this") & F.array_contains("excluded", machine))
    )
    return F.when(against & ~F.array_contains("overruled", machine), machine)


def ruling_of() -> Column:
    """Return link or unlinked where a judgement decides, else null: the machine's outcome stands."""
    excluded = F.array_contains("excluded", F.col("subject_id"))
    none_left = (F.col("status") == "review") & (F.size("remaining") == 0)
    return F.when(F.col("decision") == "link", "link").when(
        (F.col("decision") == "none") | ((F.col("decision") == "not_this") & (excluded | none_left)),
        "unlinked",
    )


def no_texts() -> Column:
    """An empty list of texts."""
    return F.array().cast("array<string>")
