"""Small hand-written rows of each dataset, whole and without a defect; a test changes what it is about."""

from collections.abc import Sequence
from datetime import date

from pyspark.sql import DataFrame, Row, SparkSession

from creditlake.catalog import Catalog
from creditlake.contract import Contract
from creditlake.receipt_no import RECEIPT_FIELD
from spark_jobs.standardising import standardise

KEY = b"a key for tests"
RECEIVED = date(2026, 11, 16)
ORGAN = "11990000000000019A"
COMPANY = "91990000MA0000007X"
SHOP = "92990000MA0000015M"
PERSON = "990000199003070013"
REG_NO = "990000000000015"
Cells = dict[str, str | None]

PENALTY: Cells = {
    "counterpart_name": "云山商贸有限公司",
    "counterpart_class": "法人及非法人组织",
    "uscc": COMPANY,
    "legal_rep_name": "林一帆",
    "decision_no": "市监罚〔2026〕15号",
    "violation_type": "虚假宣传",
    "violation_facts": "当事人在店堂广告中作引人误解的宣传。",
    "penalty_basis": "《反不正当竞争法》第二十条",
    "penalty_kinds": "罚款",
    "penalty_content": "罚款人民币2000元",
    "fine_cny": "0.2",
    "decision_date": "2026/11/12",
    "penalty_valid_to": "2099/12/31",
    "decision_org_name": "市市场监督管理局",
    "decision_org_uscc": ORGAN,
    "source_org_name": "市市场监督管理局",
    "source_org_uscc": ORGAN,
    "change_op": "i",
}
PERSON_PENALTY: Cells = {
    **PENALTY,
    "counterpart_name": "周明",
    "counterpart_class": "自然人",
    "uscc": None,
    "legal_rep_name": None,
    "id_type": "身份证",
    "id_no": PERSON,
}
DEFAULTER: Cells = {
    "source_id": "700001",
    "name": "周明",
    "party_type": "0",
    "party_code": PERSON,
    "sex": "男",
    "age": "36",
    "case_no": "(2026)浙9900执12号",
    "court_name": "市中级人民法院",
    "province": "浙江",
    "basis_no": "(2025)浙9900民初3号",
    "basis_org": "市中级人民法院",
    "filed_date": "20260301",
    "obligation": "给付货款三万元",
    "performance": "全部未履行",
    "behaviour": "有履行能力而拒不履行生效法律文书确定义务",
    "publish_date": "2026年11月02日",
}
ENTITY: Cells = {
    "pripid": "9900002026000001",
    "uscc": COMPANY.lower(),
    "reg_no": REG_NO,
    "ent_name": "云山商贸有限公司",
    "ent_type_code": "1130",
    "ent_type_name": "有限责任公司",
    "ent_class": "E",
    "legal_rep_name": "林一帆",
    "reg_capital_cny": "500",
    "currency": "人民币",
    "address": "云山路1号",
    "division_code": "990001",
    "established_date": "2016-03-07",
    "approved_date": "2016-03-07",
    "reg_org": "990000",
    "reg_state": "存续",
}
RESIDENT: Cells = {
    "id_no": PERSON,
    "person_name": "周明",
    "sex": "男",
    "birth_date": "1990-03-07",
    "division_code": "990001",
    "state": "正常",
}
REPAIR: Cells = {
    "repair_no": "信修〔2026〕3号",
    "counterpart_name": "云山商贸有限公司",
    "uscc": COMPANY,
    "target_dataset": "行政处罚",
    "target_org_uscc": ORGAN,
    "target_doc_no": "市监罚[2026]第15号",
    "applied_date": "2026-11-10",
    "channel": "信用中国",
    "handling_org_name": "市信用办",
    "status": "同意",
    "decided_date": "2026-11-13",
    "effective_date": "2026-11-13",
}
TAXPAYER: Cells = {
    "taxpayer_name": "云山商贸有限公司",
    "tax_id": COMPANY,
    "uscc": COMPANY,
    "rating_year": "2025",
    "rating": "A",
    "tax_office": "市税务局",
    "rated_date": "2026-04-20",
}


def make_cells(
    spark: SparkSession,
    contract: Contract,
    rows: Sequence[Cells],
    batch_id: str = "b1",
    file_name: str = "f.csv",
) -> DataFrame:
    """Return cells as decode writes them, numbered from 2 like the rows of a file with a header."""
    texts = ["ragged_line", RECEIPT_FIELD, *contract.fields]
    names = ["batch_id", "file_name", "row_no", *texts]
    types = {"row_no": "bigint"}
    table = [
        [batch_id, file_name, number, *(row.get(name) for name in texts)]
        for number, row in enumerate(rows, start=2)
    ]
    return spark.createDataFrame(table, ", ".join(f"{name} {types.get(name, 'string')}" for name in names))


def make_batches(
    spark: SparkSession,
    batches: Sequence[str] = ("b1",),
    received: date = RECEIVED,
    late_before: date | None = None,
) -> DataFrame:
    """Return the facts of batches that standardise asks for."""
    rows = [(batch, received, late_before) for batch in batches]
    return spark.createDataFrame(rows, "batch_id string, _received_date date, _late_before date")


def make_records(
    spark: SparkSession, catalog: Catalog, dataset: str, rows: Sequence[Cells], batch_id: str = "b1"
) -> DataFrame:
    """Standardise rows of a dataset."""
    contract = catalog.contracts[dataset]
    cells = make_cells(spark, contract, rows, batch_id)
    return standardise(cells, contract, catalog, KEY, make_batches(spark, [batch_id]))


def codes(record: Row) -> list[str]:
    """Return a record's defects as `code field`, in order."""
    return [f"{defect['code']} {defect['field']}".strip() for defect in record["defects"]]
