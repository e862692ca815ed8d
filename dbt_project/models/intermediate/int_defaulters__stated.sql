with

versions as (

    {{ record_versions(
        ref('stg_court__judgment_defaulters'),
        carry=['party_type', 'behaviour', 'publish_date', 'party_code', 'party_code_status', 'age']
    ) }}

),

ruled as (select *, {{ list_term_rule('court.judgment_defaulter') }} as list_rule_id from versions),

termed as (

    select
        ruled.*,
        terms.list_code,
        terms.list_type,
        case
            when terms.ends = 'on_term'
                then cast(ruled.publish_date + to_months(terms.term_months) as date)
        end as term_end_date
    from ruled
    left join {{ source('platform', 'list_terms') }} as terms on terms.rule_id = ruled.list_rule_id

),

stated as (

    {{ stated(
        'termed', 'court.judgment_defaulter',
        expired='coalesce(term_end_date <= ' ~ business_date() ~ ', false)'
    ) }}

)

select
    ---------- ids
    record_id,
    row_key,
    subject_id,

    ---------- text
    list_code,
    list_type,
    list_rule_id,
    state,
    {{ hidden_reason([
        ("list_rule_id is null", 'no_list_rule'),
        ("party_type = 'PERSON' and coalesce(age < 18, party_code_status not in ('valid', 'repaired'))", 'unknown_age'),
    ], needs_link=false) }} as hidden_reason,
    link_status,
    grade,
    tier,
    link_reason,

    ---------- amounts
    record_version,

    ---------- booleans
    is_current,
    is_held,

    ---------- dates
    publish_date as listed_date,
    term_end_date,
    received_date,
    first_accepted_date,
    closed_date

from stated
