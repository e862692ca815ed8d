"""Hand-written parties, one for each way of linking or not, over a small register written by hand."""

from collections.abc import Sequence

from pyspark.sql import DataFrame, SparkSession

from creditlake.contract import NUMBER_SLOTS as SLOTS
from tests.spark.rows import COMPANY, PERSON, REG_NO, SHOP

IDENTIFIERS = "subject_id string, id_kind string, id_value string, id_status string"
NAMES = "subject_id string, name_norm string, is_current boolean"
ROLES = "subject_id string, role string, name_norm string"
RECORDS = (
    "batch_id string, file_name string, row_no bigint, record_id string, counterpart_class string, "
    "counterpart_name string, uscc string, uscc_status string, org_code string, org_code_status string, "
    "reg_no string, reg_no_status string, tax_id string, tax_id_status string, id_type string, "
    "id_no string, id_no_status string, legal_rep_name string"
)
OTHER = "91990000MA0000023T"  # a second company; only its being another number matters here
OTHER_PERSON = "990000198511150025"
SIBLINGS = ("91990000MA00000881", "91990000MA00000882")


def damage(number: str, place: int, wrong: str) -> str:
    """Return a number with one character exchanged."""
    assert number[place] != wrong
    return number[:place] + wrong + number[place + 1 :]


def swap(number: str) -> str:
    """Return a number with its last two characters swapped."""
    assert number[-2] != number[-1]
    return number[:-2] + number[-1] + number[-2]


# (subject, kind, number, status)
REGISTERED = [
    ("L1", "uscc", COMPANY, "valid"), ("L1", "org_code", COMPANY[8:17], "valid"),
    ("L1", "reg_no", REG_NO, "valid"),
    ("L2", "uscc", OTHER, "valid"), ("L2", "org_code", OTHER[8:17], "valid"),
    ("L3", "uscc", SHOP, "valid"),
    ("L4", "uscc", "91990000MA00000999", "suspect"),
    ("L5", "reg_no", "990000000000023", "valid"), ("L6", "reg_no", "990000000000023", "valid"),
    ("L5", "uscc", SIBLINGS[0], "valid"), ("L6", "uscc", SIBLINGS[1], "valid"),
    ("L7", "uscc", "92990000MA00000991", "valid"), ("L8", "uscc", "92990000MA00000992", "valid"),
    ("N1", "resident_id", PERSON, "valid"), ("N2", "resident_id", OTHER_PERSON, "valid"),
]  # fmt: skip
# (subject, name, current)
NAMED = [
    ("L1", "云山商贸", True), ("L1", "旧云山", False), ("L2", "远水建材", True), ("L3", "周明小吃店", True),
    ("L4", "老厂", True), ("L5", "双胞胎", True), ("L6", "双胞胎", True),
    ("L7", "独子", True), ("L8", "邻居", True),
    ("N1", "周明", True), ("N2", "周明", True),
    ("L9", "高山建材有限公司", True), ("L9", "青峰建材有限公司", False),
    ("LA", "兴旺餐饮有限公司", True), ("LB", "兴旺餐饮有限公司", False),
]  # fmt: skip
# (subject, role, person)
SERVING = [("L9", "LEGAL_REP", "林一帆"), ("L9", "LEGAL_REP", "高远"), ("LA", "LEGAL_REP", "林一帆")]
FULL = {"counterpart_class": "LEGAL", "counterpart_name": "高山建材有限公司"}
LEGAL = {"counterpart_class": "LEGAL", "counterpart_name": "云山商贸"}
NATURAL = {"counterpart_class": "NATURAL", "counterpart_name": "周明", "id_type": "RESIDENT_ID"}
Party = dict[str, str]
# party -> (status, tier, subject, reason, candidates)
Expected = tuple[str, str, str | None, str | None, list[str]]
CASES: dict[str, tuple[Party, Expected]] = {
    "a USCC and its name": ({**LEGAL, "uscc": COMPANY}, ("auto", "exact_uscc", "L1", None, [])),
    "a USCC and a former name": (
        {**LEGAL, "counterpart_name": "旧云山", "uscc": COMPANY}, ("auto", "exact_uscc", "L1", None, []),
    ),
    "a name in another spelling": (
        {**LEGAL, "counterpart_name": "云山 商貿", "uscc": COMPANY}, ("auto", "exact_uscc", "L1", None, []),
    ),
    "a USCC and the name of another": (
        {**LEGAL, "counterpart_name": "远水建材", "uscc": COMPANY},
        ("review", "name_code_conflict", None, "name_conflict", ["L1", "L2"]),
    ),
    "a USCC and a name of nobody": (
        {**LEGAL, "counterpart_name": "无名", "uscc": COMPANY},
        ("review", "name_disagrees", None, "name_conflict", ["L1"]),
    ),
    "a USCC without a name": (
        {"counterpart_class": "LEGAL", "uscc": COMPANY},
        ("review", "name_disagrees", None, "name_missing", ["L1"]),
    ),
    "an organisation code": (
        {**LEGAL, "org_code": COMPANY[8:17]}, ("auto", "exact_org_code", "L1", None, []),
    ),
    "a registration number": ({**LEGAL, "reg_no": REG_NO}, ("auto", "exact_reg_no", "L1", None, [])),
    "a tax number of 15 characters": (
        {**LEGAL, "tax_id": f"990000{COMPANY[8:17]}"}, ("auto", "exact_tax_id", "L1", None, []),
    ),
    "a tax number that is the USCC": ({**LEGAL, "tax_id": COMPANY}, ("auto", "exact_tax_id", "L1", None, [])),
    "a USCC in the column of registration numbers": (
        {**LEGAL, "reg_no": COMPANY, "reg_no_status": "invalid"},
        ("auto", "exact_swapped_column", "L1", None, []),
    ),
    "an organisation code in the column of USCCs": (
        {**LEGAL, "uscc": COMPANY[8:17], "uscc_status": "invalid"},
        ("auto", "exact_swapped_column", "L1", None, []),
    ),
    "two numbers of one owner": (
        {**LEGAL, "uscc": COMPANY, "reg_no": REG_NO}, ("auto", "exact_uscc", "L1", None, []),
    ),
    "two numbers of two owners": (
        {**LEGAL, "uscc": COMPANY, "org_code": OTHER[8:17]},
        ("review", "codes_disagree", None, "codes_disagree", ["L1", "L2"]),
    ),
    "a number of two owners": (
        {**LEGAL, "counterpart_name": "双胞胎", "reg_no": "990000000000023"},
        ("review", "several_owners", None, "several_owners", ["L5", "L6"]),
    ),
    "a repaired USCC": (
        {**LEGAL, "uscc": COMPANY, "uscc_status": "repaired"},
        ("auto", "repaired_number", "L1", None, []),
    ),
    "a repaired USCC and a name of nobody": (
        {**LEGAL, "counterpart_name": "无名", "uscc": COMPANY, "uscc_status": "repaired"},
        ("review", "name_disagrees", None, "name_conflict", ["L1"]),
    ),
    "a person by a repaired number": (
        {**NATURAL, "id_no": PERSON, "id_no_status": "repaired"},
        ("review", "repaired_number", None, "repaired_number", ["N1"]),
    ),
    "a USCC with a wrong character": (
        {**LEGAL, "uscc": damage(COMPANY, 12, "7"), "uscc_status": "suspect"},
        ("auto", "one_edit_away", "L1", None, []),
    ),
    "a USCC with two characters swapped, and a former name": (
        {**LEGAL, "counterpart_name": "旧云山", "uscc": swap(COMPANY), "uscc_status": "invalid"},
        ("auto", "one_edit_away", "L1", None, []),
    ),
    "a USCC that lost its last character": (
        {**LEGAL, "uscc": COMPANY[:17], "uscc_status": "invalid"}, ("auto", "one_edit_away", "L1", None, []),
    ),
    "a USCC with a character twice": (
        {**LEGAL, "uscc": COMPANY[:9] + COMPANY[8:], "uscc_status": "invalid"},
        ("auto", "one_edit_away", "L1", None, []),
    ),
    "a USCC with a wrong character and another's name": (
        {**LEGAL, "counterpart_name": "远水建材", "uscc": damage(COMPANY, 12, "7"), "uscc_status": "suspect"},
        ("unlinked", "name_only", None, "damaged_number", []),
    ),
    "a USCC with two wrong characters": (
        {**LEGAL, "uscc": damage(damage(COMPANY, 12, "7"), 14, "7"), "uscc_status": "suspect"},
        ("unlinked", "name_only", None, "damaged_number", []),
    ),
    "a code one character from two siblings of one name": (
        {**LEGAL, "counterpart_name": "双胞胎", "uscc": SIBLINGS[0][:17] + "0", "uscc_status": "suspect"},
        ("review", "several_near", None, "several_near", ["L5", "L6"]),
    ),
    "a code one character from two siblings of which one has the name": (
        {**LEGAL, "counterpart_name": "独子", "uscc": "92990000MA0000099A", "uscc_status": "suspect"},
        ("review", "several_near", None, "several_near", ["L7", "L8"]),
    ),
    "a wrong character beside an intact number that nobody has": (
        {
            **LEGAL, "uscc": damage(COMPANY, 12, "7"), "uscc_status": "suspect", "reg_no": "990000000000031",
        },
        ("unlinked", "register_absent", None, "unknown_number", []),
    ),
    "a person by a number with a wrong digit": (
        {**NATURAL, "id_no": damage(PERSON, 16, "9"), "id_no_status": "suspect"},
        ("auto", "one_edit_away", "N1", None, []),
    ),
    "a person of another name by a number with a wrong digit": (
        {
            **NATURAL, "counterpart_name": "李强",
            "id_no": damage(PERSON, 16, "9"), "id_no_status": "suspect",
        },
        ("unlinked", "name_only", None, "damaged_number", []),
    ),
    "a person by a number with a wrong digit and no document type": (
        {
            "counterpart_class": "NATURAL", "counterpart_name": "周明",
            "id_no": damage(PERSON, 16, "9"), "id_no_status": "suspect",
        },
        ("unlinked", "name_only", None, "damaged_number", []),
    ),
    "a repaired USCC beside an intact number": (
        {**LEGAL, "uscc": COMPANY, "uscc_status": "repaired", "reg_no": REG_NO},
        ("auto", "exact_reg_no", "L1", None, []),
    ),
    "a registered code that fails its check": (
        {**LEGAL, "counterpart_name": "老厂", "uscc": "91990000MA00000999", "uscc_status": "suspect"},
        ("review", "suspect_code", None, "doubtful_number", ["L4"]),
    ),
    "an intact number that no register has": (
        {**LEGAL, "uscc": "91990000MA0000031Q"}, ("unlinked", "register_absent", None, "unknown_number", []),
    ),
    "a masked number": (
        {**LEGAL, "uscc": "919900******00007X", "uscc_status": "masked"},
        ("unlinked", "masked_number", None, "masked_number", []),
    ),
    "a damaged number": (
        {**LEGAL, "uscc": "91990000MA000000", "uscc_status": "invalid"},
        ("unlinked", "name_only", None, "damaged_number", []),
    ),
    "a full name of one subject and its representative": (
        {**FULL, "legal_rep_name": "林 一帆"}, ("auto", "unique_name", "L9", None, []),
    ),
    "a former full name and a former representative": (
        {**FULL, "counterpart_name": "青峰建材有限公司", "legal_rep_name": "高远"},
        ("auto", "unique_name", "L9", None, []),
    ),
    "a full name and another representative": (
        {**FULL, "legal_rep_name": "周明"}, ("review", "name_alone", None, "name_alone", ["L9"]),
    ),
    "a full name without a representative": (FULL, ("review", "name_alone", None, "name_alone", ["L9"])),
    "a full name of two subjects and the representative of one": (
        {**FULL, "counterpart_name": "兴旺餐饮有限公司", "legal_rep_name": "林一帆"},
        ("review", "name_alone", None, "name_alone", ["LA", "LB"]),
    ),
    "a full name and a damaged number": (
        {**FULL, "legal_rep_name": "林一帆", "uscc": "91990000MA000000", "uscc_status": "invalid"},
        ("review", "name_alone", None, "name_alone", ["L9"]),
    ),
    "a full name, its representative and a number that no register has": (
        {**FULL, "legal_rep_name": "林一帆", "uscc": "91990000MA0000031Q"},
        ("unlinked", "register_absent", None, "unknown_number", []),
    ),
    "a shop of a full name with its representative": (
        {**FULL, "counterpart_class": "INDIVIDUAL_BUSINESS", "legal_rep_name": "林一帆"},
        ("review", "unique_name", None, "unique_name", ["L9"]),
    ),
    "a person of a company's name": (
        {**FULL, "counterpart_class": "NATURAL", "legal_rep_name": "林一帆"},
        ("unlinked", "name_only", None, "no_number", []),
    ),
    "a short unique name alone": ({**LEGAL}, ("unlinked", "name_only", None, "no_number", [])),
    "a shop by its code": (
        {"counterpart_class": "INDIVIDUAL_BUSINESS", "counterpart_name": "周明小吃店", "uscc": SHOP},
        ("auto", "exact_uscc", "L3", None, []),
    ),
    "a shop with its operator's number": (
        {
            "counterpart_class": "INDIVIDUAL_BUSINESS", "counterpart_name": "周明小吃店", "uscc": SHOP,
            "id_type": "RESIDENT_ID", "id_no": PERSON, "tax_id": PERSON,
        },
        ("auto", "exact_uscc", "L3", None, []),
    ),
    "a shop with its operator's number for a code": (
        {
            "counterpart_class": "INDIVIDUAL_BUSINESS", "counterpart_name": "周明",
            "uscc": PERSON, "uscc_status": "invalid",
        },
        ("review", "codes_disagree", None, "wrong_archive", ["N1"]),
    ),
    "a person by number and name": (
        {**NATURAL, "id_no": PERSON}, ("auto", "exact_resident_id", "N1", None, []),
    ),
    "a person with another name": (
        {**NATURAL, "counterpart_name": "李强", "id_no": PERSON},
        ("review", "name_disagrees", None, "name_conflict", ["N1"]),
    ),
    "a person without a document type": (
        {"counterpart_class": "NATURAL", "counterpart_name": "周明", "id_no": PERSON},
        ("review", "suspect_code", None, "document_type", ["N1"]),
    ),
    "a person by name alone": ({**NATURAL}, ("unlinked", "name_only", None, "no_number", [])),
    "a person with a company's code": (
        {**NATURAL, "uscc": COMPANY}, ("review", "codes_disagree", None, "wrong_archive", ["L1"]),
    ),
}  # fmt: skip


def make_party_records(spark: SparkSession, parties: Sequence[Party]) -> DataFrame:
    """Return records with the columns that linking reads; a number without a status is valid."""
    names = [column.split()[0] for column in RECORDS.split(", ")]
    rows = []
    for number, party in enumerate(parties):
        row = {"batch_id": "b1", "file_name": "f", "row_no": number, "record_id": f"r{number}", **party}
        for slot in SLOTS:
            row.setdefault(f"{slot}_status", "valid" if slot in party else "missing")
        rows.append([row.get(name) for name in names])
    return spark.createDataFrame(rows, RECORDS)
