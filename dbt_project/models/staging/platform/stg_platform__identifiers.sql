with

source as (select * from {{ source('linking', 'identifiers') }}),

renamed as (

    select
        ---------- ids
        subject_id,
        id_kind,
        id_value

    from source
    where known_to is null and valid_to is null

)

select * from renamed
