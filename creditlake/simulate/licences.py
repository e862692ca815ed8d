"""Licence decisions of the approval bureaus: xlsx with two merged title rows, Chinese headers, notes
under the table."""

from datetime import date

from creditlake.simulate.city import City
from creditlake.simulate.decisions import Decisions, change_op
from creditlake.simulate.files import Column
from creditlake.simulate.noise import PLACEHOLDER
from creditlake.simulate.spelling import date_text, document_number, optional, plain_date
from creditlake.simulate.words import Words

DATASET = "administrative_approval.licence_decision"
OPEN_ENDED = "2099/12/31"
LONG_CONTENT = 4001  # one more than the template's recalled length


def sheet_texts(words: Words, day: date) -> tuple[tuple[str, str], list[str]]:
    """Titles and notes of the workbook of a day."""
    title = words.lists["licences.titles"][0]
    place = words.lists["organs.approval_name"][0]
    notes = [note.replace("{date}", f"{day:%Y/%m/%d}") for note in words.lists["licences.notes"]]
    return (title, f"填报单位：{place}    填报日期：{day:%Y年%m月%d日}"), notes


def licence_sql(decisions: Decisions, city: City, words: Words) -> str:
    """SQL of one chunk of licences, ordered by position; bounds in the variables chunk_from, chunk_to."""
    draws = decisions.draws
    matters = words.size("licences.matters.document")
    return f"""
    with {decisions.with_party(city, words)},
    decided as (
        select *, case when identity_noise <> 'none' then 'none' else row_drawn end as row_noise,
            {draws.below("licence:matter", matters, "document")} as matter,
            {draws.below("licence:bureau", words.size("places.counties"), "document")} as bureau
        from party
    )
    select *, case when row_noise = 'future_date' then true_date + 1500 else true_date end as decision_date,
        {words.at("licences.matters.years", "matter")}::int as years,
        {words.at("organs.approval_short", "bureau")} || '审批许〔' || year(true_date) || '〕' || (document
            + 1) || '号' as usual_doc_no,
        {words.at("licences.matters.prefix", "matter")} || '99000' || bureau || lpad((document * 31
            + 7)::varchar, 9, '0') as certificate_no
    from decided
    order by pos
    """


def licence_columns(decisions: Decisions, words: Words) -> list[Column]:
    """The sheet's columns in template order."""
    draws, rates = decisions.draws, decisions.rates
    dialects = rates.dialects

    def empty(value: str, name: str) -> str:
        return optional(value, draws, f"licence:{name}", dialects.filler_optional)

    def dated(header: str, value: str) -> Column:
        return Column(
            header, date_text(value, "slash"), date_cell=f"date_style = 'serial' and {value} is not null"
        )

    remark = words.at("licences.remarks", draws.below("licence:remark", words.size("licences.remarks")))
    return [
        Column("行政相对人名称", "d_name", quoted=True),
        Column("行政相对人类别", "d_class"),
        Column("行政相对人代码_1(统一社会信用代码)", "d_uscc"),
        Column("行政相对人代码_2(工商注册号)", empty("d_reg_no", "reg_no")),
        Column("行政相对人代码_3(组织机构代码)", empty("d_org_code", "org_code")),
        Column("行政相对人代码_4(税务登记号)", empty("d_tax_id", "tax_id")),
        Column(
            "行政相对人代码_5(事业单位证书号)",
            "case when kind = 'institution' then '1' || right(pripid, 11) end",
        ),
        Column(
            "行政相对人代码_6(社会组织登记证号)",
            "case when kind in ('social_group', 'nonprofit') then '澄民社证字第' || right(pripid, 6) "
            "|| '号' end",
        ),
        Column("法定代表人", "d_rep_name"),
        Column("法定代表人证件类型", "d_rep_id_type"),
        Column("法定代表人证件号码", "d_rep_id_no"),
        Column("证件类型", "d_id_type"),
        Column("证件号码", "d_id_no"),
        Column("行政许可决定文书名称", words.at("licences.matters.document", "matter")),
        Column("行政许可决定文书号", document_number("usual_doc_no", draws, "licence", dialects.doc_no)),
        Column("许可类别", licence_kind(decisions, words)),
        Column("许可证书名称", words.at("licences.matters.certificate", "matter")),
        Column("许可编号", "certificate_no"),
        Column("许可内容", licence_content(decisions, words), quoted=True),
        dated("许可决定日期", "decision_date"),
        dated("有效期自", "decision_date"),
        valid_to(decisions),
        Column(
            "许可机关",
            "case when row_noise = 'missing_mandatory' and document % 2 = 0 then null else "
            + words.at("organs.approval_name", "bureau")
            + " end",
        ),
        Column(
            "许可机关统一社会信用代码",
            f"case when row_noise = 'organ_placeholder' then '{PLACEHOLDER}' else "
            + words.at("organs.approval_uscc", "bureau")
            + " end",
        ),
        Column(
            "当前状态", f"case when {draws.chance('licence:invalid', 0.06, 'document')} then '2' else '1' end"
        ),
        Column("数据来源单位", words.at("organs.approval_name", "0")),
        Column("数据来源单位统一社会信用代码", words.at("organs.approval_uscc", "0")),
        Column(
            "备注",
            f"case when row_kind = 'correction' then '更正：有效期报送有误' when "
            f"{draws.chance('licence:has_remark', rates.filled.remarks)} then {remark} end",
        ),
        Column("数据变更标志", change_op(draws, "licence")),
    ]


def licence_kind(decisions: Decisions, words: Words) -> str:
    """SQL: 许可类别."""
    index = decisions.draws.below("licence:unknown", words.size("licences.unknown_kinds"))
    unknown = words.at("licences.unknown_kinds", index)
    return (
        f"case when row_noise = 'unknown_enum' then {unknown} "
        f"else {words.at('licences.matters.kind', 'matter')} end"
    )


def licence_content(decisions: Decisions, words: Words) -> str:
    """SQL: 许可内容, three sentences."""
    draws = decisions.draws

    def text_of(part: str) -> str:
        index = draws.below(f"licence:{part}", words.size(f"licences.{part}"), "document")
        return words.filled(f"licences.{part}", index, slots)

    slots = {
        "name": "true_name",
        "date": plain_date("(true_date - 9)", "chinese"),
        "doc": f"(20260000 + {draws.below('licence:file', 99999, 'document')})::varchar",
        "n": f"(1 + {draws.below('licence:count', 29, 'document')})::varchar",
        "amount": f"(50 + {draws.below('licence:amount', 9000, 'document')})::varchar",
        "gains": f"(100 + {draws.below('licence:price', 90000, 'document')})::varchar",
        "address": "address",
        "number": "certificate_no",
        "scope": "coalesce(scope, '个人经营')",
    }
    text = " || ".join(
        [text_of("openings"), words.filled("licences.matters.content", "matter", slots), text_of("closings")]
    )
    phone = f"'1990000' || lpad(({draws.below('licence:phone', 10000)})::varchar, 4, '0')"
    return f"""case when row_noise = 'filler_mandatory' then '暂无' when row_noise = 'missing_mandatory'
        and document % 2 = 1 then null
        when row_noise = 'long_content' then left(repeat({text}, 20), {LONG_CONTENT})
        else {text} || case when row_noise = 'personal_data'
            then '联系人电话' || {phone} || '，身份证号' || coalesce(rep_id_no, code) || '。'
                else '' end end"""


def valid_to(decisions: Decisions) -> Column:
    """有效期至: a date, the far future or the word 长期."""
    draws = decisions.draws
    text = draws.chance("licence:long_term", decisions.rates.dialects.open_ended_text, "document")
    open_ended = draws.chance("licence:open_ended", 0.2, "document")
    end = "(decision_date + 365 * years + case when row_kind = 'correction' then 1 else 0 end)"
    is_date = f"row_noise = 'none' and not {text} and not {open_ended}"
    return Column(
        "有效期至",
        f"case when row_noise = 'ends_before_start' then {plain_date('(decision_date - 30)', 'slash')} "
        f"when {text} then '长期' "
        f"when {open_ended} then '{OPEN_ENDED}' else {date_text(end, 'slash')} end",
        date_cell=f"date_style = 'serial' and {is_date}",
    )
