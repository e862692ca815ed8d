with

source as (select * from {{ source('corrections', 'citations') }}),

renamed as (

    select
        ---------- ids
        dataset,
        row_key,
        receipt_no

    from source

)

select * from renamed
