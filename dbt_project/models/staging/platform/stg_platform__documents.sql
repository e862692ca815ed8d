with

source as (select * from {{ source('corrections', 'documents') }}),

renamed as (

    select
        ---------- ids
        dataset,
        row_key,
        record_id,
        document_no,

        ---------- booleans
        is_kept

    from source
    where document_no is not null

)

select * from renamed
