with

source as (select * from {{ source('platform', 'files') }}),

renamed as (

    select
        ---------- ids
        file_no,
        dataset,
        batch_id,
        file_name,

        ---------- dates
        received_date,
        replaced_date

    from source

)

select * from renamed
