with

source as (select * from {{ source('records', 'court__judgment_defaulter') }}),

renamed as (

    select
        ---------- ids
        record_id,
        row_key,
        content_hash,
        party_code,
        party_code_status,
        case_no,

        ---------- text
        source_id,
        name,
        party_type,
        sex,
        legal_rep_name,
        court_name,
        province,
        basis_no,
        basis_org,
        obligation,
        performance,
        performed_part,
        unperformed_part,
        behaviour,

        ---------- amounts
        age,

        ---------- booleans
        change_op = 'D' as is_withdrawal,
        is_held,
        is_minor as has_minor,

        ---------- dates
        received_date,
        filed_date,
        publish_date

    from source

)

select * from renamed
