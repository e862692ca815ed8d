with

source as (select * from {{ source('platform', 'batches') }}),

renamed as (

    select
        ---------- ids
        dataset,
        batch_id,
        batch_no,

        ---------- text
        status,

        ---------- amounts
        received_rows,

        ---------- booleans
        is_current_snapshot,

        ---------- dates
        received_date

    from source

)

select * from renamed
