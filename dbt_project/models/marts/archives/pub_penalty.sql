{{ config(level='public', order_by=['subject_id', 'record_id']) }}

with

shown as (select * from {{ ref('int_penalties__stated') }} where hidden_reason is null),

redacted as (

    {{ public_texts('market_regulation.penalty_decision', [
        'violation_type', 'violation_facts', 'penalty_basis', 'penalty_content', 'revoked_licence',
        'institution_cert_no', 'social_org_cert_no',
    ]) }}

),

joined as (

    select
        ---------- ids
        shown.record_id,
        shown.subject_id,
        shown.publication_rule_id as rule_id,
        penalties.decision_no,
        {{ trusted('penalties', ['uscc', 'reg_no', 'org_code']) }},
        coalesce(redacted.institution_cert_no, penalties.institution_cert_no) as institution_cert_no,
        coalesce(redacted.social_org_cert_no, penalties.social_org_cert_no) as social_org_cert_no,
        penalties.decision_org_uscc,
        penalties.source_org_uscc,

        ---------- text
        penalties.counterpart_name,
        penalties.counterpart_class,
        case when minors.subject_id is null then penalties.legal_rep_name end as legal_rep_name,
        coalesce(redacted.violation_type, penalties.violation_type) as violation_type,
        coalesce(redacted.violation_facts, penalties.violation_facts) as violation_facts,
        coalesce(redacted.penalty_basis, penalties.penalty_basis) as penalty_basis,
        array_to_string(penalties.penalty_kinds, ';') as penalty_kinds,
        coalesce(redacted.penalty_content, penalties.penalty_content) as penalty_content,
        coalesce(redacted.revoked_licence, penalties.revoked_licence) as revoked_licence,
        penalties.decision_org_name,
        penalties.source_org_name,

        ---------- amounts
        cast(penalties.fine_cny as decimal(18, 2)) as fine_cny,
        cast(penalties.confiscated_cny as decimal(18, 2)) as confiscated_cny,
        cast(shown.record_version as integer) as record_version,

        ---------- dates
        penalties.decision_date,
        penalties.penalty_valid_to,
        shown.publication_min_end_date,
        shown.publication_end_date,
        shown.first_accepted_date

    from {{ ref('stg_market_regulation__penalty_decisions') }} as penalties
    inner join shown on shown.row_key = penalties.row_key
    left join redacted on redacted.row_key = penalties.row_key
    left join {{ ref('int_minor_representatives__collected') }} as minors on minors.subject_id = shown.subject_id

)

select * from joined
