with

source as (select * from {{ source('records', 'administrative_approval__licence_decision') }}),

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
        document_name,
        licence_kind,
        certificate_name,
        certificate_no,
        licence_content,
        decision_org_name,
        status,
        access_level,
        source_org_name,
        remarks,

        ---------- booleans
        change_op = 'D' as is_withdrawal,
        is_held,
        is_minor as has_minor,

        ---------- dates
        received_date,
        decision_date,
        valid_from,
        valid_to

    from source

)

select * from renamed
