with

source as (select * from {{ source('records', 'market_regulation__entity_change') }}),

renamed as (

    select
        ---------- ids
        record_id,
        row_key,
        content_hash,
        uscc,
        uscc_status,

        ---------- text
        pripid,
        change_item,
        before_value,
        after_value,
        change_state,

        ---------- amounts
        change_seq,

        ---------- booleans
        change_op = 'D' as is_withdrawal,
        is_held,
        is_minor as has_minor,

        ---------- dates
        received_date,
        change_date,
        entry_date

    from source

)

select * from renamed
