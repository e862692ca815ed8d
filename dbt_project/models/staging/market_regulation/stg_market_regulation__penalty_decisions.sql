with

source as (select * from {{ source('records', 'market_regulation__penalty_decision') }}),

renamed as (

    select
        ---------- ids
        record_id,
        row_key,
        content_hash,
        uscc,
        uscc_status,
        reg_no,
        reg_no_status,
        org_code,
        org_code_status,
        tax_id,
        tax_id_status,
        legal_rep_id_no,
        legal_rep_id_no_status,
        id_no,
        id_no_status,
        decision_no,
        decision_org_uscc,
        decision_org_uscc_status,
        source_org_uscc,
        source_org_uscc_status,

        ---------- text
        counterpart_name,
        counterpart_class,
        institution_cert_no,
        social_org_cert_no,
        legal_rep_name,
        legal_rep_id_type,
        id_type,
        violation_type,
        violation_facts,
        penalty_basis,
        penalty_kinds,
        penalty_content,
        revoked_licence,
        decision_org_name,
        source_org_name,
        remarks,
        severity,
        procedure_type,
        domain,
        status,
        access_level,

        ---------- amounts
        fine_cny,
        confiscated_cny,

        ---------- booleans
        -- a decision that was annulled, or whose case was cancelled, is taken back
        change_op = 'D' or coalesce(status = 'ANNULLED', false) or coalesce(is_case_cancelled, false)
            as is_withdrawal,
        is_held,
        is_minor as has_minor,

        ---------- dates
        received_date,
        decision_date,
        penalty_valid_to,
        publicity_end_date

    from source

)

select * from renamed
