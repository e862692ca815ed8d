{{ config(level='gov_shared', order_by=['role_id']) }}

with

roles as (select * from {{ ref('int_roles__settled') }}),

renamed as (

    select
        ---------- ids
        role_id,
        subject_id,
        -- a person's archive is found by authorised queries only
        case when holder_id like 'L%' then holder_id end as holder_organisation_id,

        ---------- text
        role,
        role_name,
        holder_name,
        position_name,
        doubt,
        source_dataset,

        ---------- booleans
        holder_id is not null as is_proven,
        is_minor,
        is_current,

        ---------- dates
        valid_from,
        valid_to,
        known_from

    from roles

)

select * from renamed
