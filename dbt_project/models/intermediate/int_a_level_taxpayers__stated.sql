with

versions as (

    {{ snapshot_records(ref('stg_tax__a_level_taxpayers'), carry=['rated_date', 'rating']) }}

),

ruled as (select *, {{ list_term_rule('tax.a_level_taxpayer') }} as list_rule_id from versions),

termed as (

    select ruled.*, terms.list_code, terms.list_type
    from ruled
    left join {{ source('platform', 'list_terms') }} as terms on terms.rule_id = ruled.list_rule_id

),

stated as ({{ stated('termed', 'tax.a_level_taxpayer', removed='removed') }}),

defaulting as (

    select distinct subject_id as defaulting_subject_id
    from {{ ref('int_defaulters__stated') }}
    where is_current and state = 'active' and list_type = 'SEVERE' and not is_held and grade = 'exact'

),

weighed as (

    select stated.*, defaulting.defaulting_subject_id is not null as is_severely_listed
    from stated
    left join defaulting on defaulting.defaulting_subject_id = stated.subject_id

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
        ("is_severely_listed", 'severely_listed'),
    ]) }} as hidden_reason,
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
    rated_date as listed_date,
    cast(null as date) as term_end_date,
    received_date,
    first_accepted_date,
    closed_date

from weighed
