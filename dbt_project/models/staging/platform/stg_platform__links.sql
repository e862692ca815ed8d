with

source as (select * from {{ source('linking', 'links') }}),

renamed as (

    select
        ---------- ids
        dataset,
        row_key,
        record_id,
        subject_id,

        ---------- text
        status as link_status,
        grade,
        tier,
        reason

    from source

)

select * from renamed
