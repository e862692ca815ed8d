with

source as (select * from {{ source('records', 'market_regulation__entity_register') }}),

renamed as (

    select
        ---------- ids
        record_id,
        row_key,
        snapshot_no,
        content_hash,
        uscc,
        uscc_status,
        reg_no,
        reg_no_status,

        ---------- text
        pripid,
        ent_name,
        ent_type_code,
        ent_type_name,
        ent_class,
        legal_rep_name,
        currency,
        industry_code,
        industry_name,
        business_scope,
        address,
        division_code,
        reg_org,
        reg_state,

        ---------- amounts
        reg_capital_cny,

        ---------- booleans
        change_op = 'D' as is_withdrawal,
        is_held,
        is_minor as has_minor,
        is_current_snapshot,

        ---------- dates
        received_date,
        established_date,
        approved_date,
        operation_from,
        operation_to

    from source

)

select * from renamed
