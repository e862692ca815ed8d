with

source as (select * from {{ source('records', 'credit_office__repair_decision') }}),

renamed as (

    select
        ---------- ids
        record_id,
        row_key,
        content_hash,
        target_record_id,
        repair_no,
        uscc,
        uscc_status,
        id_no,
        id_no_status,
        target_org_uscc,
        target_org_uscc_status,
        target_doc_no,

        ---------- text
        counterpart_name,
        id_type,
        target_dataset,
        channel,
        handling_org_name,
        status,
        reason,
        commitment_code,

        ---------- booleans
        change_op = 'D' as is_withdrawal,
        is_held,
        is_minor as has_minor,

        ---------- dates
        received_date,
        applied_date,
        decided_date,
        effective_date

    from source

)

select * from renamed
