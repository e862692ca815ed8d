"""Which register subject a record is about, on the evidence of official numbers.

Grain in and out: one row per record. A number proves nothing alone: the owner's name, current or former,
must agree. Intact numbers make exact links; a repaired one, or one that is one edit away from exactly one
registered number, an inferred link. Whatever contradicts itself goes to review with every candidate; a name
alone links nobody.

One pass over the records without moving them: the registers are folded into two narrow tables that are
broadcast, (64-bit hash of a number -> owners with hashes of their names) and (hash of a legal name ->
subjects, see `naming`). A hash collision would need the name's hash to collide too before it could link.
"""

from collections.abc import Mapping

from creditlake.contract import NUMBER_SLOTS as SLOTS
from spark_jobs.duplicates import PLACE
from spark_jobs.engine import Column, DataFrame, F, distinct_items, join_hash
from spark_jobs.naming import BY_NAME, MAX_CANDIDATES, asked_name, judge_name, name_evidence
from spark_jobs.near_numbers import damaged_neighbours, find_near_numbers

# Tier by (column, kind of the number found in it); any other pair is a swapped column.
TIERS = {
    ("uscc", "uscc"): "exact_uscc",
    ("org_code", "org_code"): "exact_org_code",
    ("reg_no", "reg_no"): "exact_reg_no",
    ("tax_id", "uscc"): "exact_tax_id",
    ("tax_id", "org_code"): "exact_tax_id",
    ("id_no", "resident_id"): "exact_resident_id",
}
# Why a row does not link by itself -> the tier that decides what becomes of it.
TIER_OF_REASON = {
    "several_owners": "several_owners",
    "codes_disagree": "codes_disagree",
    "wrong_archive": "codes_disagree",
    "document_type": "suspect_code",
    "name_missing": "name_disagrees",
    "name_conflict": "name_disagrees",
    "repaired_number": "repaired_number",
    "doubtful_number": "suspect_code",
    "one_edit_away": "one_edit_away",
    "several_near": "several_near",
    "unique_name": "unique_name",
    "name_alone": "name_alone",
    "unknown_number": "register_absent",
    "masked_number": "masked_number",
    "damaged_number": "name_only",
    "no_number": "name_only",
}
SWAPPED = "exact_swapped_column"
NEAR_TIERS = ("one_edit_away", "several_near")  # both named like their reasons
# What the evidence may prove, and the grade of the link; no policy can raise it.
GRADES = {
    "agrees": "exact",
    "repaired_number": "inferred",
    "one_edit_away": "inferred",
    "unique_name": "inferred",
}
LINK_COLUMNS = (
    "dataset",
    *PLACE,
    "record_id",
    "subject_kind",
    "party",
    "status",
    "grade",
    "tier",
    "subject_id",
    "evidence",
    "candidates",
    "reason",
    "doubts",
)


def asked_for(identifiers: DataFrame, parties: DataFrame) -> DataFrame:
    """Return the registered numbers that linking these parties may ask for, with all their owners.

    For parties of which there are few: the other numbers need not be folded for them.
    """
    cited = F.explode(F.array_compact(F.array(*(f"{slot}_hash" for slot in SLOTS)))).alias("number_hash")
    asked = parties.select(cited).unionByName(damaged_neighbours(parties).select("number_hash")).distinct()
    number = join_hash("id_value")
    return (
        identifiers.withColumn("number_hash", number)
        .join(F.broadcast(asked), "number_hash", "left_semi")
        .drop("number_hash")
    )


def number_owners(identifiers: DataFrame, names: DataFrame) -> DataFrame:
    """Return one row per registered number: its owners, its kind, and hashes of the sole owner's names."""
    named = names.groupBy("subject_id").agg(
        F.max(F.when(F.col("is_current"), join_hash("name_norm"))).alias("current_name"),
        F.collect_set(join_hash("name_norm")).alias("all_names"),
    )
    numbers = identifiers.select(
        join_hash("id_value").alias("number_hash"),
        "id_kind",
        "subject_id",
        F.col("id_status").isin("valid", "repaired").alias("is_intact"),
    )
    return (
        numbers.join(named, "subject_id", "left")
        .groupBy("number_hash")
        .agg(
            F.sort_array(F.collect_set("subject_id")).alias("owners"),
            F.min("id_kind").alias("id_kind"),
            F.max("is_intact").alias("is_intact"),
            F.max("current_name").alias("current_name"),
            F.first("all_names").alias("all_names"),
        )
        # Of several owners no name can agree; which one came first would be chance.
        .withColumns(
            {name: F.when(F.size("owners") == 1, F.col(name)) for name in ("current_name", "all_names")}
        )
    )


def link_parties(
    parties: DataFrame, numbers: DataFrame, legal_names: DataFrame, policy: Mapping[tuple[str, str], str]
) -> DataFrame:
    """Return one link per party (LINK_COLUMNS).

    `policy` maps (tier, subject kind) to auto, review or off; what is missing there is off. No policy can
    make a contradiction link: `auto` counts only where the evidence agrees.
    """
    found = look_up_owners(parties, numbers).withColumns(gather_evidence()).withColumn("reason", judge())
    near = find_near_numbers(parties, numbers)
    found = found.join(F.broadcast(near), ["archive", "damaged"], "left").withColumn("reason", judge_near())
    found = found.withColumns(near_evidence())
    asked = found.withColumn("asked_name", asked_name()).join(F.broadcast(legal_names), "asked_name", "left")
    named = asked.withColumn("reason", judge_name()).withColumns(name_evidence())
    judged = named.withColumn("tier", name_tier()).withColumn("outcome", outcome_of(policy))
    linked, in_review = F.col("status") == "auto", F.col("status") == "review"
    nobody = F.array().cast("array<string>")
    # Whoever holds the number is the likelier one: names are mistaken more often than numbers that check.
    suggested = F.array_distinct(F.concat("owners", F.coalesce("namesakes", nobody)))
    return judged.withColumn("status", status_of()).select(
        "dataset",
        *PLACE,
        "record_id",
        "subject_kind",
        "party",
        "status",
        F.when(linked, grade()).alias("grade"),
        "tier",
        F.when(linked, F.col("owners")[0]).alias("subject_id"),
        F.when(F.size("owners") > 0, F.col("evidence")).alias("evidence"),
        F.when(in_review, F.slice(suggested, 1, MAX_CANDIDATES)).otherwise(nobody).alias("candidates"),
        F.when(~linked, F.col("reason")).alias("reason"),
        F.when(in_review, all_doubts()).otherwise(nobody).alias("doubts"),
    )


def look_up_owners(parties: DataFrame, numbers: DataFrame) -> DataFrame:
    """Add `<slot>_owner` for every slot, null without a registered number."""
    owner = F.struct("owners", "id_kind", "is_intact", "current_name", "all_names")
    for slot in SLOTS:
        table = numbers.select(F.col("number_hash").alias(f"{slot}_hash"), owner.alias(f"{slot}_owner"))
        parties = parties.join(F.broadcast(table), f"{slot}_hash", "left")
    # The tax number of an individual business may be its operator's own ID, and the operator's ID may stand
    # beside it: neither makes the operator a party to the row.
    for slot in ("tax_id", "id_no"):
        owned = F.col(f"{slot}_owner")
        of_operator = (F.col("archive") == "L") & (owned["id_kind"] == "resident_id")
        parties = parties.withColumn(f"{slot}_owner", F.when(~F.coalesce(of_operator, F.lit(False)), owned))
    return parties


def gather_evidence() -> dict[str, Column]:
    """Return owners, proof (the exact tier that intact numbers make), name_agreement and evidence."""
    owner = {slot: F.col(f"{slot}_owner") for slot in SLOTS}
    hit = {slot: owner[slot].isNotNull() for slot in SLOTS}
    intact = {
        slot: hit[slot] & owner[slot]["is_intact"] & ~F.coalesce(F.col(f"{slot}_weak"), F.lit(False))
        for slot in SLOTS
    }
    nobody = F.array().cast("array<string>")
    tiers = [
        F.when(intact[slot] & (owner[slot]["id_kind"] == kind), tier) for (slot, kind), tier in TIERS.items()
    ]
    any_intact, shared, is_repaired = F.lit(False), F.lit(False), F.lit(False)
    for slot in SLOTS:
        is_repaired |= hit[slot] & owner[slot]["is_intact"] & F.coalesce(F.col(f"{slot}_weak"), F.lit(False))
        any_intact |= intact[slot]
        shared |= hit[slot] & (F.size(owner[slot]["owners"]) > 1)
    one = F.coalesce(*owner.values())
    name = F.col("name_hash")
    agreement = (
        F.when(~F.col("has_name"), "missing")
        .when(one["current_name"] == name, "current")
        .when(F.array_contains(one["all_names"], name), "former")
        .otherwise("other")
    )
    columns = F.concat_ws("+", *(F.when(hit[slot], slot) for slot in SLOTS))
    owners = F.concat(*(F.coalesce(owner[slot]["owners"], nobody) for slot in SLOTS))
    return {
        "owners": F.sort_array(distinct_items(owners)),
        "is_shared": F.coalesce(shared, F.lit(False)),
        "proof": F.coalesce(*tiers, F.when(any_intact, SWAPPED)),
        "is_repaired": is_repaired,
        "name_agreement": agreement,
        "evidence": F.concat_ws("; ", columns, F.concat(F.lit("name="), agreement)),
    }


def doubt_conditions() -> dict[str, Column]:
    """Return when each doubt about a found owner holds, the gravest first: the first one decides."""
    owner_archive, alone = F.substring(F.col("owners")[0], 1, 1), F.size("owners") == 1
    return {
        "several_owners": F.col("is_shared"),
        "codes_disagree": ~F.col("is_shared") & (F.size("owners") > 1),
        "wrong_archive": alone & (owner_archive != F.col("archive")),
        "document_type": alone & (owner_archive == "N") & ~F.col("has_document"),
        "name_missing": F.col("name_agreement") == "missing",
        "name_conflict": alone & (F.col("name_agreement") == "other"),  # several owners' names are not asked
        "repaired_number": F.col("proof").isNull() & F.col("is_repaired"),
        "doubtful_number": F.col("proof").isNull() & ~F.col("is_repaired"),
    }


def judge() -> Column:
    """Return `agrees`, or why the evidence does not make a link."""
    reason = F.when(F.size("owners") == 0, why_nobody())
    for doubt, holds in doubt_conditions().items():
        reason = reason.when(holds, doubt)
    return reason.otherwise("agrees")


def all_doubts() -> Column:
    """Return every doubt that holds, in order; a name that another subject bears has its own."""
    doubts = [F.when(holds, doubt) for doubt, holds in doubt_conditions().items()]
    of_another = F.col("namesakes").isNotNull()
    named = [
        F.when(of_another & (doubt == "name_conflict"), "name_of_another").otherwise(doubt)
        for doubt in doubts
    ]
    # Their owners are not those of the row's own numbers.
    other = F.col("reason").isin("several_near", *BY_NAME)
    return F.when(other, F.array("reason")).otherwise(F.array_compact(F.array(*named)))


def judge_near() -> Column:
    """Return the reason anew for a damaged number: one or several registered numbers are one edit away.

    A name must agree, and a person's row must say that the number is a resident ID.
    """
    named = F.array_contains("near_names", F.col("name_hash")) & F.col("has_name")
    documented = (F.col("archive") == "L") | F.col("has_document")
    near = (F.col("reason") == "damaged_number") & F.coalesce(named & documented, F.lit(False))
    sole = (F.col("near_numbers") == 1) & (F.size("near_owners") == 1)
    return F.when(near & sole, "one_edit_away").when(near, "several_near").otherwise(F.col("reason"))


def near_evidence() -> dict[str, Column]:
    """Return owners and evidence, for damaged numbers those one edit away."""
    near = F.col("reason").isin(*NEAR_TIERS)
    slot = F.when(F.col("archive") == "L", "uscc").otherwise("id_no")
    return {
        "owners": F.when(near, F.col("near_owners")).otherwise(F.col("owners")),
        "evidence": F.when(near, F.concat(slot, F.lit("~1; name=agrees"))).otherwise(F.col("evidence")),
    }


def grade() -> Column:
    """Return how sure a link is, by what the evidence proves."""
    result = F.lit(None).cast("string")
    for reason, name in GRADES.items():
        result = F.when(F.col("reason") == reason, name).otherwise(result)
    return result


def why_nobody() -> Column:
    """Return why no owner was found: an intact number that no register knows, a damaged one, or none."""
    conditions = {
        "unknown_number": ("valid", "repaired"),
        "masked_number": ("masked",),
        "damaged_number": ("suspect", "invalid", "precision_loss"),
    }
    result = F.lit("no_number")
    for reason, statuses in reversed(conditions.items()):
        found = F.lit(False)
        for slot in SLOTS:
            found |= F.coalesce(F.col(f"{slot}_status").isin(*statuses), F.lit(False))
        result = F.when(found, reason).otherwise(result)
    return result


def name_tier() -> Column:
    """Return the policy's name of what was found, from the reason; an agreeing row's tier is its proof."""
    reason = F.col("reason")
    namesake = F.col("namesakes").isNotNull()
    named = F.when(reason == "agrees", F.col("proof")).when(
        (reason == "name_conflict") & namesake, "name_code_conflict"
    )
    for why, tier in TIER_OF_REASON.items():
        named = named.when(reason == why, tier)
    return named


def outcome_of(policy: Mapping[tuple[str, str], str]) -> Column:
    """Return the policy's outcome for the row's tier and subject kind."""
    key = F.concat_ws("/", "tier", "subject_kind")
    outcome = F.lit("off")
    for wanted in ("review", "auto"):
        keys = [f"{tier}/{kind}" for (tier, kind), found in policy.items() if found == wanted]
        outcome = F.when(key.isin(*keys), wanted).otherwise(outcome)
    return outcome


def status_of() -> Column:
    """Return auto, review or unlinked."""
    return (
        F.when((F.col("outcome") == "auto") & F.col("reason").isin(*GRADES), "auto")
        .when((F.col("outcome") != "off") & (F.size("owners") > 0), "review")
        .otherwise("unlinked")
    )
