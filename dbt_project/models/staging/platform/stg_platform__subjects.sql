with

source as (select * from {{ source('linking', 'subjects') }}),

renamed as (

    select
        ---------- ids
        subject_id,

        ---------- text
        archive,
        subject_type,
        current_name,
        state as subject_state,
        division_code,
        source_dataset

    from source
    where known_to is null

)

select * from renamed
