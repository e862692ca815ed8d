{{ config(level='authorised', order_by=['role_id']) }}

with

roles as (select * from {{ ref('int_roles__settled') }} where holder_id like 'N%'),

organisations as (select * from {{ ref('stg_platform__subjects') }} where archive = 'L'),

joined as (

    select
        ---------- ids
        roles.role_id,
        roles.holder_id as subject_id,
        roles.subject_id as organisation_id,

        ---------- text
        organisations.current_name as organisation_name,
        organisations.subject_type as organisation_type,
        organisations.subject_state as organisation_state,
        roles.role,
        roles.role_name,
        roles.position_name,
        roles.source_dataset,

        ---------- booleans
        roles.is_minor,
        roles.is_current,

        ---------- dates
        roles.valid_from,
        roles.valid_to,
        roles.known_from

    from roles
    inner join organisations on organisations.subject_id = roles.subject_id

)

select * from joined
