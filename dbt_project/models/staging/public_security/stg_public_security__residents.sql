with

source as (select * from {{ source('records', 'public_security__population_register') }}),

renamed as (

    select
        ---------- ids
        record_id,
        row_key,
        snapshot_no,
        content_hash,
        id_no,
        id_no_status,

        ---------- text
        person_name,
        sex,
        division_code,
        address,
        state,
        former_name,

        ---------- booleans
        change_op = 'D' as is_withdrawal,
        is_held,
        is_minor as has_minor,
        is_current_snapshot,

        ---------- dates
        received_date,
        birth_date

    from source

)

select * from renamed
