with

source as (select * from {{ source('rooms', 'records') }}),

renamed as (

    select
        ---------- ids
        dataset,
        record_id,
        row_key,
        snapshot_no,
        content_hash,

        ---------- booleans
        change_op = 'D' as is_withdrawal,
        is_held,
        is_minor as has_minor,
        is_full_snapshot,
        is_current_snapshot,

        ---------- dates
        received_date

    from source

)

select * from renamed
