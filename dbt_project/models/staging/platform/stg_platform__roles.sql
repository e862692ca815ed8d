with

source as (select * from {{ source('linking', 'roles') }}),

renamed as (

    select
        ---------- ids
        md5(concat_ws('|', subject_id, role, holder_key)) as role_id,
        subject_id,
        holder_id,

        ---------- text
        role,
        holder_name,
        name_norm,
        position as position_name,
        doubt,
        source as source_dataset,

        ---------- booleans
        is_minor,

        ---------- dates
        valid_from,
        valid_to,
        known_from

    from source
    where known_to is null

)

select * from renamed
