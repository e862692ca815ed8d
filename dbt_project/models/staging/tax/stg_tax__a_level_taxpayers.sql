with

source as (select * from {{ source('records', 'tax__a_level_taxpayer') }}),

renamed as (

    select
        ---------- ids
        record_id,
        row_key,
        snapshot_no,
        content_hash,
        tax_id,
        tax_id_status,
        uscc,
        uscc_status,

        ---------- text
        taxpayer_name,
        rating,
        tax_office,
        address,

        ---------- amounts
        rating_year,

        ---------- booleans
        change_op = 'D' as is_withdrawal,
        is_held,
        is_minor as has_minor,
        is_current_snapshot,

        ---------- dates
        received_date,
        rated_date

    from source

)

select * from renamed
