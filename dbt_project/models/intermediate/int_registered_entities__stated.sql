with

versions as ({{ snapshot_records(ref('stg_market_regulation__registered_entities')) }}),

stated as ({{ stated('versions', 'market_regulation.entity_register', removed='removed', links='int_registers__linked') }}),

reasoned as (select *, {{ hidden_reason() }} as first_reason from stated),

-- A snapshot that holds one subject twice is the register's error: one row stands for the subject.
ranked as (

    select
        *,
        row_number() over (partition by subject_id, first_reason order by row_key desc) as subject_row
    from reasoned

)

select
    ---------- ids
    record_id,
    row_key,
    subject_id,

    ---------- text
    state,
    case when first_reason is null and subject_row > 1 then 'same_subject' else first_reason end as hidden_reason,
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
    received_date,
    first_accepted_date,
    closed_date

from ranked
