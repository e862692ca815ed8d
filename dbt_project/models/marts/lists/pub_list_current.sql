{{ config(level='public', order_by=['list_code', 'record_id']) }}

with

defaulters_shown as (select * from {{ ref('int_defaulters__stated') }} where hidden_reason is null),

defaulters_redacted as (

    {{ public_texts('court.judgment_defaulter', ['obligation', 'performed_part', 'unperformed_part', 'behaviour']) }}

),

taxpayers_shown as (select * from {{ ref('int_a_level_taxpayers__stated') }} where hidden_reason is null),

defaulters as (

    select
        ---------- ids
        shown.list_code,
        shown.record_id,
        -- a person's row is published as the source's row, linked or not, and never leads to an archive
        case when defaulters.party_type = 'ORGANISATION' and shown.grade = 'exact' then shown.subject_id end
            as subject_id,
        shown.list_rule_id as rule_id,
        case
            when defaulters.party_type = 'ORGANISATION' and defaulters.party_code_status in ('valid', 'repaired')
                then defaulters.party_code
        end as organisation_code,
        case
            when defaulters.party_type = 'PERSON' and defaulters.party_code_status in ('valid', 'repaired')
                then {{ masked('defaulters.party_code', 'court.judgment_defaulter.party_code') }}
        end as masked_id_no,
        defaulters.case_no,
        defaulters.basis_no,

        ---------- text
        shown.list_type,
        defaulters.party_type,
        defaulters.name,
        defaulters.sex,
        case
            when defaulters.party_type = 'ORGANISATION' and minors.subject_id is null then defaulters.legal_rep_name
        end as legal_rep_name,
        defaulters.court_name,
        defaulters.province,
        defaulters.basis_org,
        coalesce(redacted.obligation, defaulters.obligation) as obligation,
        defaulters.performance,
        coalesce(redacted.performed_part, defaulters.performed_part) as performed_part,
        coalesce(redacted.unperformed_part, defaulters.unperformed_part) as unperformed_part,
        coalesce(redacted.behaviour, defaulters.behaviour) as behaviour,
        cast(null as varchar) as rating,
        cast(null as varchar) as tax_office,

        ---------- amounts
        cast(case when defaulters.party_type = 'PERSON' then defaulters.age end as integer) as age,
        cast(null as integer) as rating_year,
        cast(shown.record_version as integer) as record_version,

        ---------- dates
        defaulters.filed_date,
        shown.listed_date,
        shown.term_end_date,
        shown.first_accepted_date

    from {{ ref('stg_court__judgment_defaulters') }} as defaulters
    inner join defaulters_shown as shown on shown.row_key = defaulters.row_key
    left join defaulters_redacted as redacted on redacted.row_key = defaulters.row_key
    left join {{ ref('int_minor_representatives__collected') }} as minors on minors.subject_id = shown.subject_id

),

taxpayers as (

    select
        ---------- ids
        shown.list_code,
        shown.record_id,
        shown.subject_id,
        shown.list_rule_id as rule_id,
        case when taxpayers.uscc_status in ('valid', 'repaired') then taxpayers.uscc end as organisation_code,
        cast(null as varchar) as masked_id_no,
        cast(null as varchar) as case_no,
        cast(null as varchar) as basis_no,

        ---------- text
        shown.list_type,
        'ORGANISATION' as party_type,
        taxpayers.taxpayer_name as name,
        cast(null as varchar) as sex,
        cast(null as varchar) as legal_rep_name,
        cast(null as varchar) as court_name,
        cast(null as varchar) as province,
        cast(null as varchar) as basis_org,
        cast(null as varchar) as obligation,
        cast(null as varchar) as performance,
        cast(null as varchar) as performed_part,
        cast(null as varchar) as unperformed_part,
        cast(null as varchar) as behaviour,
        taxpayers.rating,
        taxpayers.tax_office,

        ---------- amounts
        cast(null as integer) as age,
        cast(taxpayers.rating_year as integer) as rating_year,
        cast(shown.record_version as integer) as record_version,

        ---------- dates
        cast(null as date) as filed_date,
        shown.listed_date,
        shown.term_end_date,
        shown.first_accepted_date

    from {{ ref('stg_tax__a_level_taxpayers') }} as taxpayers
    inner join taxpayers_shown as shown on shown.row_key = taxpayers.row_key

),

listed as (

    select * from defaulters
    union all
    select * from taxpayers

)

select * from listed
