{#- Datasets without a model of their own: collected, accounted for, in the archives, in no public table yet. -#}
with

others as (

    select * from {{ ref('stg_platform__records') }}
    where dataset not in ('{{ modelled_datasets() | join("', '") }}')

),

sent_as_changes as (select * from others where not is_full_snapshot),

sent_whole as (select * from others where is_full_snapshot),

change_versions as ({{ record_versions('sent_as_changes', carry=['dataset']) }}),

snapshot_versions as ({{ snapshot_records('sent_whole', carry=['dataset']) }}),

stated as (

    {{ stated('change_versions') }}
    union all by name
    {{ stated('snapshot_versions', removed='removed') }}

)

select
    ---------- ids
    dataset,
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
