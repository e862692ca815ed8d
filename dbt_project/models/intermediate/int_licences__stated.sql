with

versions as (

    {{ record_versions(
        ref('stg_administrative_approval__licence_decisions'),
        carry=['counterpart_class', 'status', 'access_level', 'valid_to']
    ) }}

),

stated as (

    {{ stated(
        'versions', 'administrative_approval.licence_decision',
        expired='coalesce(valid_to < ' ~ business_date() ~ ', false)'
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
        ("status = 'INVALID'", 'not_in_force'),
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
    received_date,
    first_accepted_date,
    closed_date

from stated
