with

versions as ({{ record_versions(ref('stg_market_regulation__entity_changes')) }}),

stated as ({{ stated('versions', 'market_regulation.entity_change') }})

select
    ---------- ids
    record_id,
    row_key,

    ---------- text
    state,
    'not_public' as hidden_reason,

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
