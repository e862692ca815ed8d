"""The gate's expressions agree with the Python reference, and see through the ways numbers are written."""

import random

import duckdb
import pytest

from creditlake import identifiers
from creditlake.gate.patterns import add_personal_macros

RESIDENT_ID = "990000199003070013"
CARD = "6222000000000000009"


@pytest.fixture(scope="module")
def connection() -> duckdb.DuckDBPyConnection:
    made = duckdb.connect()
    add_personal_macros(made)
    return made


def kind_of(connection: duckdb.DuckDBPyConnection, text: str) -> str | None:
    row = connection.execute("select personal_kind(?)", [text]).fetchone()
    assert row is not None
    return row[0]


def luhn_reference(number: str) -> bool:
    digits = [int(d) for d in reversed(number)]
    return sum(d if i % 2 == 0 else sum(divmod(2 * d, 10)) for i, d in enumerate(digits)) % 10 == 0


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (f"当事人身份证号{RESIDENT_ID}。", "resident_id"),
        ("身份证号９９００００１９９００３０７００１３", "resident_id"),
        ("身份证号11010519491231002x", "resident_id"),
        ("身份证号11010519491231002×", "resident_id"),
        ("证件990000 19900307 0013", "resident_id"),
        (f"ID{RESIDENT_ID}", "resident_id"),
        (f"{RESIDENT_ID}13812345678", "resident_id"),
        ("旧证号990000900307001", "resident_id"),
        ("电话13812345678", "mobile"),
        ("电话+8613812345678", "mobile"),
        ("电话138 1234 5678", "mobile"),
        ("电话138-1234-5678", "mobile"),
        ("卡号6222021234567890128", "card"),
        ("卡号6222 0212 3456 7894", "card"),
        ("卡号6222 0212 3456 7890 128", "card"),
    ],
)
def test_personal_numbers_are_seen_however_they_are_written(
    connection: duckdb.DuckDBPyConnection, text: str, kind: str
) -> None:
    assert kind_of(connection, text) == kind


@pytest.mark.parametrize(
    "text",
    [
        "统一社会信用代码914403001922038216",  # a valid USCC of digits only
        "注册号440301103097413",  # a valid registration number
        "990000199002300013",  # 30 February
        "990000199003070014",  # wrong check digit
        "座机0575-88888888",
        "批号LOT13812345678A",  # letters touch it: a product number
        "罚款2000元，2026年1月5日，示市监罚〔2026〕1号",
        "12812345678",  # no mobile begins with 12
        "6222021234567890127",  # fails Luhn
        "",
    ],
)
def test_other_numbers_are_left_alone(connection: duckdb.DuckDBPyConnection, text: str) -> None:
    assert kind_of(connection, text) is None


def test_check_digits_agree_with_the_reference_on_random_numbers(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    draw = random.Random(7)
    numbers = ["".join(draw.choices("0123456789", k=draw.choice((16, 17, 18, 19)))) for _ in range(4000)]

    found = connection.execute(
        "select n, luhn_ok(n) from (select unnest($numbers) as n)", {"numbers": numbers}
    )

    assert all(is_card == luhn_reference(number) for number, is_card in found.fetchall())


def test_resident_ids_and_codes_agree_with_the_reference(connection: duckdb.DuckDBPyConnection) -> None:
    draw = random.Random(11)
    bodies = [
        f"{draw.randrange(110000, 990000)}{draw.randrange(1870, 2030)}{draw.randrange(0, 14):02}"
        f"{draw.randrange(0, 33):02}{draw.randrange(0, 1000):03}"
        for _ in range(3000)
    ]
    numbers = [body + draw.choice("0123456789X") for body in bodies]
    alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    codes = [
        draw.choice(("91", "92", "12", "51", "N2", "Y1"))
        + "".join(draw.choices("0123456789", k=6))
        + "".join(draw.choices(alphabet, k=10))
        for _ in range(3000)
    ]
    reg_nos = ["".join(draw.choices("0123456789", k=15)) for _ in range(3000)]

    for macro, values, reference in (
        ("id18_ok", numbers, is_resident_id),
        ("uscc_ok", codes, is_uscc),
        ("reg_ok", reg_nos, is_reg_no),
    ):
        rows = connection.execute(
            f"select v, {macro}(v) from (select unnest($v) as v)", {"v": values}
        ).fetchall()
        assert [v for v, is_valid in rows if is_valid != reference(v)] == [], macro
        assert any(is_valid for _, is_valid in rows), macro


def is_resident_id(value: str) -> bool:
    return identifiers.check_resident_id(value) is identifiers.IdentifierStatus.VALID


def is_uscc(value: str) -> bool:
    return identifiers.check_uscc(value) is identifiers.IdentifierStatus.VALID


def is_reg_no(value: str) -> bool:
    return identifiers.check_reg_no(value) is identifiers.IdentifierStatus.VALID
