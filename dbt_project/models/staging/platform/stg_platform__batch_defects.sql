with

source as (select * from {{ source('platform', 'batch_defects') }}),

renamed as (

    select
        ---------- ids
        dataset,
        batch_id,
        file_name,
        row_no,

        ---------- text
        code,
        level,
        field,
        message,

        ---------- dates
        received_date

    from source

)

select * from renamed
