with

versions as (

    {{ record_versions(ref('stg_credit_office__repair_decisions'),
                       carry=['target_record_id', 'status', 'effective_date', 'decided_date']) }}

),

stated as ({{ stated('versions', 'credit_office.repair_decision') }})

select
    ---------- ids
    record_id,
    target_record_id,
    row_key,

    ---------- text
    state,
    'not_public' as hidden_reason,

    ---------- amounts
    record_version,

    ---------- booleans
    is_current,
    is_held,
    is_current
        and state = 'active'
        and status = 'GRANTED'
        and coalesce(effective_date, decided_date) <= {{ business_date() }} as is_in_effect,

    ---------- dates
    coalesce(effective_date, decided_date) as effective_date,
    received_date,
    first_accepted_date,
    closed_date

from stated
