with

versions as (

    {{ record_versions(
        ref('stg_market_regulation__penalty_decisions'),
        carry=[
            'counterpart_class', 'severity', 'procedure_type', 'domain', 'penalty_kinds', 'decision_date', 'status',
            'access_level',
        ]
    ) }}

),

repaired as (

    select distinct target_record_id as repaired_record_id
    from {{ ref('int_repairs__stated') }}
    where is_in_effect

),

graded as (select *, {{ penalty_severity() }} as decided_severity from versions),

ruled as (

    select
        graded.*,
        {{ window_rule() }} as window_rule_id,
        {{ has_transition() }} as is_transition,
        {{ transition_rule() }} as transition_rule_id
    from graded

),

windowed as (

    {{ penalty_windows('ruled') }}

),

marked as (

    select windowed.*, repaired.repaired_record_id is not null as is_repaired
    from windowed
    left join repaired on repaired.repaired_record_id = windowed.record_id

),

stated as (

    {{ stated(
        'marked', 'market_regulation.penalty_decision',
        repaired='is_repaired',
        expired='coalesce(max_end <= ' ~ business_date() ~ ', false)'
    ) }}

)

select
    ---------- ids
    record_id,
    row_key,
    subject_id,

    ---------- text
    state,
    {{ hidden_reason([
        ("counterpart_class = 'NATURAL'", 'natural_person'),
        ("access_level in ('GOV_SHARED', 'AUTHORISED')", 'not_public'),
        ("status = 'DISPUTED'", 'disputed'),
        ("not is_published", 'not_published_kind'),
    ]) }} as hidden_reason,
    link_status,
    grade,
    tier,
    link_reason,
    publication_rule_id,

    ---------- amounts
    record_version,

    ---------- booleans
    is_current,
    is_held,

    ---------- dates
    min_end as publication_min_end_date,
    max_end as publication_end_date,
    received_date,
    first_accepted_date,
    closed_date

from stated
