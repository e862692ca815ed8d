with

versions as ({{ snapshot_records(ref('stg_public_security__residents')) }}),

stated as ({{ stated('versions', 'public_security.population_register', removed='removed', links='int_registers__linked') }})

select
    ---------- ids
    record_id,
    row_key,
    subject_id,

    ---------- text
    state,
    'not_public' as hidden_reason,
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

from stated
