"""What the links of a build amount to, read back from what was written."""

from collections.abc import Sequence

from creditlake.storage import FileEntry
from spark_jobs.commit import StepContext
from spark_jobs.engine import DataFrame, F
from spark_jobs.tables import read_files

COUNTED = (
    "status string, tier string, party string, candidates array<string>, judgement_id string, "
    "contradicted_by string"
)
CONTRADICTIONS_LISTED = 100
GROUPS_LISTED = 10


def count_links(
    context: StepContext, outputs: Sequence[FileEntry]
) -> tuple[dict[str, int], dict[str, list[dict[str, object]]]]:
    """Return the links by status, and by status and tier, with those that contradict a judgement; then what
    people should look at: contradicted judgements, and the groups of the review queue that hold most records.
    """
    links = read_files(context.spark, context.lake, outputs, COUNTED, context.scratch)
    against = F.when(F.col("contradicted_by").isNotNull(), F.col("judgement_id"))
    found = links.groupBy("status", "tier", against.alias("against"), "contradicted_by").count().collect()
    counts: dict[str, int] = {}
    contradictions: list[dict[str, object]] = []
    for status, tier, judgement, subject, count in sorted(found, key=str):
        for name in (status, f"{status}/{tier}"):
            counts[name] = counts.get(name, 0) + count
        if judgement:
            counts["contradicted"] = counts.get("contradicted", 0) + count
            contradictions.append({"judgement_id": judgement, "subject_id": subject, "records": count})
    return counts, {
        "contradicted_judgements": contradictions[:CONTRADICTIONS_LISTED],
        "largest_groups": largest_groups(links),
    }


def largest_groups(links: DataFrame) -> list[dict[str, object]]:
    """Return the parties in review with most records, at most GROUPS_LISTED: records, candidates."""
    groups = (
        links.where("status = 'review'")
        .groupBy("party")
        .agg(F.count("*").alias("records"), F.max(F.size("candidates")).alias("candidates"))
        .orderBy(F.col("records").desc(), "party")
        .limit(GROUPS_LISTED)
    )
    return [row.asDict() for row in groups.collect()]
