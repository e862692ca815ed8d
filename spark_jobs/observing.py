"""What a register's records and its change log say, in one shape for every register."""

from creditlake.contract import Contract
from spark_jobs.engine import Column, DataFrame, F, Window
from spark_jobs.expressions import hmac_hex

SOURCE_KEY_HEX = 32
# Columns that not every register has, by our name.
OPTIONAL = {
    "since": "established_date",
    "division_code": "division_code",
    "former_name": "former_name",
    "ent_class": "ent_class",
}
OBSERVED = (
    "batch_id string, source_key string, row_no bigint, archive string, source_dataset string, name string, "
    "uscc string, uscc_status string, reg_no string, reg_no_status string, resident_id string, "
    "resident_id_status string, legal_rep string, since date, division_code string, former_name string, "
    "ent_class string, state string, batch_rank int, received_date date, is_latest boolean, is_now boolean, "
    "first_received date, now_received date"
)
CHANGE_LOG = (
    "source_key_hash string, change_item string, before_value string, after_value string, change_date date, "
    "source_dataset string, received_date date"
)
PLACES = "batch_id string, batch_rank int, received_date date, is_latest boolean"


def observed_columns(contract: Contract) -> list[str]:
    """Return the columns of a register's records that registers are built from."""
    subject = contract.subject
    numbers = [name for name in (subject.uscc, subject.reg_no, subject.id_no) if name]
    named = [subject.source_key, subject.name, subject.legal_rep, *OPTIONAL.values(), state_field(contract)]
    fields = dict.fromkeys(name for name in (*numbers, *named) if name in contract.fields)
    return ["batch_id", "row_no", *(str(name) for name in fields), *(f"{name}_status" for name in numbers)]


def change_columns(contract: Contract) -> list[str]:
    """Return the columns of a change log's records that registers are built from."""
    return [
        "batch_id",
        str(contract.subject.source_key),
        "change_item",
        "before_value",
        "after_value",
        "change_date",
    ]


def observe(records: DataFrame, contract: Contract, batches: DataFrame) -> DataFrame:
    """Return one row per register record in one shape for every register.

    `batches` has batch_id, batch_rank (receipt order), received_date and is_latest. Numbers that fail their
    check are kept with that status: such codes were issued and are in force. Two columns more tell the
    newest record of a subject (`is_now`) and the date of that record's batch (`now_received`).
    """
    subject = contract.subject
    assert subject.source_key
    assert subject.name
    archive = "L" if subject.kind == "register_legal" else "N"
    optional = {**OPTIONAL, "state": state_field(contract)}
    columns: list[Column | str] = [
        F.col(subject.source_key).alias("source_key"),
        "batch_id",
        "row_no",
        F.lit(archive).alias("archive"),
        F.lit(contract.name).alias("source_dataset"),
        F.col(subject.name).alias("name"),
        *(
            column
            for kind, field in (
                ("uscc", subject.uscc),
                ("reg_no", subject.reg_no),
                ("resident_id", subject.id_no),
            )
            for column in number(contract, field, kind)
        ),
        (F.col(subject.legal_rep) if subject.legal_rep else F.lit(None).cast("string")).alias("legal_rep"),
        *(optional_field(contract, field, name) for name, field in optional.items()),
    ]
    known = records.select(*columns).where(F.col("source_key").isNotNull() & F.col("name").isNotNull())
    of_subject = Window.partitionBy("source_key")
    newest = of_subject.orderBy(F.desc("batch_rank"), F.desc("row_no"))
    return (
        known.join(F.broadcast(batches), "batch_id")
        .withColumn("is_now", F.row_number().over(newest) == 1)
        .withColumn("first_received", F.min("received_date").over(of_subject))
        .withColumn("now_received", F.max(F.when(F.col("is_now"), F.col("received_date"))).over(of_subject))
    )


def state_field(contract: Contract) -> str:
    """Return the name of a register's state column."""
    return "reg_state" if "reg_state" in contract.fields else "state"


def number(contract: Contract, field: str | None, kind: str) -> list[Column]:
    """Return a number of the register and its status; null unless it can identify anybody."""
    if field is None:
        return [F.lit(None).cast("string").alias(name) for name in (kind, f"{kind}_status")]
    status = F.col(f"{field}_status")
    value = F.when(status.isin("valid", "repaired", "suspect"), F.col(field))
    return [value.alias(kind), status.alias(f"{kind}_status")]


def optional_field(contract: Contract, field: str, name: str) -> Column:
    """Return a field that not every register has."""
    kind = "date" if name == "since" else "string"
    return (F.col(field) if field in contract.fields else F.lit(None)).cast(kind).alias(name)


def prepare_changes(
    records: DataFrame, contract: Contract, register: str, batches: DataFrame, key: bytes
) -> DataFrame:
    """Return the change log's entries with the hash by which `register` (a dataset) knows their subject."""
    assert contract.subject.source_key
    source = F.concat_ws("\x1f", F.lit(register), F.col(contract.subject.source_key))
    entries = records.select(
        "batch_id",
        "change_item",
        "before_value",
        "after_value",
        "change_date",
        source_hash(source, key).alias("source_key_hash"),
        F.lit(contract.name).alias("source_dataset"),
    )
    return entries.join(F.broadcast(batches.select("batch_id", "received_date")), "batch_id").drop("batch_id")


def source_hash(source: Column, key: bytes) -> Column:
    """Return the keyed hash of a register's own key; the key itself is in no table of ours."""
    return F.substring(hmac_hex(F.concat(F.lit("source\x1f"), source), key), 1, SOURCE_KEY_HEX)
