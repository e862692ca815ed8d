{{ config(level='public', order_by=['subject_id', 'record_id']) }}

with

shown as (select * from {{ ref('int_licences__stated') }} where hidden_reason is null),

redacted as (

    {{ public_texts('administrative_approval.licence_decision', [
        'licence_content', 'document_name', 'certificate_name', 'certificate_no', 'institution_cert_no',
        'social_org_cert_no',
    ]) }}

),

joined as (

    select
        ---------- ids
        shown.record_id,
        shown.subject_id,
        licences.decision_no,
        {{ trusted('licences', ['uscc', 'reg_no', 'org_code']) }},
        coalesce(redacted.institution_cert_no, licences.institution_cert_no) as institution_cert_no,
        coalesce(redacted.social_org_cert_no, licences.social_org_cert_no) as social_org_cert_no,
        coalesce(redacted.certificate_no, licences.certificate_no) as certificate_no,
        licences.decision_org_uscc,
        licences.source_org_uscc,

        ---------- text
        licences.counterpart_name,
        licences.counterpart_class,
        case when minors.subject_id is null then licences.legal_rep_name end as legal_rep_name,
        coalesce(redacted.document_name, licences.document_name) as document_name,
        licences.licence_kind,
        coalesce(redacted.certificate_name, licences.certificate_name) as certificate_name,
        coalesce(redacted.licence_content, licences.licence_content) as licence_content,
        licences.status,
        licences.decision_org_name,
        licences.source_org_name,

        ---------- amounts
        cast(shown.record_version as integer) as record_version,

        ---------- dates
        licences.decision_date,
        licences.valid_from,
        licences.valid_to,
        shown.first_accepted_date

    from {{ ref('stg_administrative_approval__licence_decisions') }} as licences
    inner join shown on shown.row_key = licences.row_key
    left join redacted on redacted.row_key = licences.row_key
    left join {{ ref('int_minor_representatives__collected') }} as minors on minors.subject_id = shown.subject_id

)

select * from joined
