"""The closed mapping table and the comparison forms that are made with it."""

import unicodedata
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from creditlake.normalise import (
    FILE,
    NormalisationError,
    clean_identifier,
    is_filler,
    load_normalisation,
    normalisation,
    normalise_doc_no,
    normalise_text,
    translate_arguments,
)
from creditlake.settings import REPOSITORY

TABLE = REPOSITORY / "catalog" / FILE


@pytest.fixture
def changed_table(tmp_path: Path):
    """Write the delivered table with some sections replaced; return its path."""

    def write(**sections: object) -> Path:
        document = yaml.safe_load(TABLE.read_text(encoding="utf-8")) | sections
        path = tmp_path / FILE
        path.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"removed": ["110000"]}, "no code point"),
        ({"removed": ["D800"]}, "no code point"),
        ({"blanks": ["x"]}, "no code point"),
        ({"blanks": [200]}, "blanks: must be a list of"),
        ({"fillers": "无"}, "fillers: must be a list of"),
        ({"width": ["AB"]}, "width: must be text"),
        ({1: "x"}, "unknown or missing"),
    ],
)
def test_a_table_of_another_form_is_refused(changed_table, sections: dict[str, object], message: str) -> None:
    path = changed_table()
    document = yaml.safe_load(path.read_text(encoding="utf-8")) | sections
    path.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    with pytest.raises(NormalisationError, match=message):
        load_normalisation(path)


def test_full_width_forms_become_what_unicode_says() -> None:
    for code in range(0xFF01, 0xFF5F):
        assert normalise_text(f"a{chr(code)}b") == f"a{unicodedata.normalize('NFKC', chr(code))}b"


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("罚款（万元）", "罚款(万元)"),
        ("  两个\u3000\u3000空格\t", "两个 空格"),
        ("第一行\r\n第二行", "第一行 第二行"),
        ("\ufeff失信\u200b被执行人", "失信被执行人"),
        ("營業執照號碼", "营业执照号码"),
        ("乾隆", "乾隆"),
        ("Аbс", "Abc"),  # Cyrillic A and s
        ("⾦额", "金额"),  # Kangxi radical
        ("—", "-"),
        ("龘䶮𬭎", "龘䶮𬭎"),
    ],
)
def test_text_is_mapped(text: str, plain: str) -> None:
    assert normalise_text(text) == plain


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("９１４４０３００１９２２０３８２１６", "914403001922038216"),
        ("ｇ", "G"),
        ('="914403001922038216"', "914403001922038216"),
        ("'914403001922038216'；", "914403001922038216"),
        ("33060219491231002*", "33060219491231002X"),
        ("330602**********2*", "330602**********2*"),  # several stars are a mask
        ("*", "*"),
        ("74218321－3", "742183213"),
        ("9144O300", "9144O300"),  # O for 0 is for the check digit to decide
        ("", ""),
    ],
)
def test_identifier_is_cleaned(text: str, code: str) -> None:
    assert clean_identifier(text) == code


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "无",
        "無",
        "暂无",
        "暫無",
        "/",
        "／",
        "-",
        "—",
        "--",
        "0",
        "０",
        "null",
        "Null",
        "\\N",
        "\\n",
        "测试",
    ],
)
def test_fillers_are_empty(text: str) -> None:
    assert is_filler(text)


@pytest.mark.parametrize("text", ["无锡市", "00", "0.0", "测试公司", "N"])
def test_texts_that_contain_a_filler_are_not_empty(text: str) -> None:
    assert not is_filler(text)


@pytest.mark.parametrize(
    "text",
    [
        "市场〔2019〕1号",
        "市场【2019】1号",
        "市场[2019]1号",
        "市场（2019）第1号",
        "市场(2019) 第 1 号",
        "市场〔２０１９〕１号",
        "市场〔二〇一九〕1号",
        "市场〔二○一九〕1号",
        "市场〔2019〕1",
        "市場〔2019〕1號",
    ],
)
def test_spellings_of_one_document_number_are_equal(text: str) -> None:
    assert normalise_doc_no(text) == "市场〔2019〕1"


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("（2022）豫0724执恢54号之一", "〔2022〕豫0724执恢54之一"),
        ("市场〔2019〕11号", "市场〔2019〕11"),
        ("市场〔2019〕001号", "市场〔2019〕001"),  # zeros may belong to the number
        ("一中院〔2019〕三号", "一中院〔2019〕三号"),  # only the year is read from Chinese digits
        ("第三大队〔2019〕第2号", "第三大队〔2019〕2"),
        ("第第1号号", "1"),
        ("abc-12", "ABC-12"),
    ],
)
def test_document_number_keeps_what_tells_it_apart(text: str, number: str) -> None:
    assert normalise_doc_no(text) == number


@given(st.text())
def test_every_form_is_its_own_form(text: str) -> None:
    for form in (normalise_text, normalise_doc_no):
        assert form(form(text)) == form(text)


@given(st.text(st.characters(codec="utf-8")))
def test_clean_code_has_no_blanks_hyphens_or_lower_case_ascii(text: str) -> None:
    code = clean_identifier(text)
    assert not set(code) & set(" \t\u3000\u200b-abcxyz")


def test_sql_translate_arguments_say_the_same_as_the_table() -> None:
    """SQL's translate: a character beyond the second argument is dropped."""
    for table in (normalisation().text_table, normalisation().code_table, normalisation().doc_no_table):
        matching, replacement = translate_arguments(table)
        pairs = {ord(char): replacement[at : at + 1] for at, char in enumerate(matching)}
        assert pairs == table


def test_traditional_pairs_do_not_touch_characters_of_simplified_text() -> None:
    section = yaml.safe_load(TABLE.read_text(encoding="utf-8"))["traditional"].split()
    assert len(section) > 1000
    for pair in section:
        with pytest.raises(UnicodeEncodeError):
            pair[0].encode("gb2312")


def test_pair_that_is_mapped_on_is_refused(changed_table) -> None:
    with pytest.raises(NormalisationError, match="becomes '乙', itself mapped; name its end"):
        load_normalisation(changed_table(traditional="乙丙 丙丁"))


def test_character_that_is_mapped_twice_is_refused(changed_table) -> None:
    with pytest.raises(NormalisationError, match="traditional: '乙' is mapped twice"):
        load_normalisation(changed_table(traditional="乙丙 乙丁"))


def test_entry_that_is_no_pair_is_refused(changed_table) -> None:
    with pytest.raises(NormalisationError, match="traditional: '乙丙丁' is not a pair of two characters"):
        load_normalisation(changed_table(traditional="乙丙丁"))


def test_unknown_section_is_refused(changed_table) -> None:
    with pytest.raises(NormalisationError, match=r"sections \['tradition'\] unknown or missing"):
        load_normalisation(changed_table(tradition=""))
