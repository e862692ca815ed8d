{{ config(level='public', order_by=['subject_id']) }}

with

shown as (select * from {{ ref('int_registered_entities__stated') }} where hidden_reason is null),

redacted as (

    {{ public_texts('market_regulation.entity_register', ['business_scope', 'address']) }}

),

joined as (

    select
        ---------- ids
        shown.subject_id,
        shown.record_id,
        {{ trusted('entities', ['uscc', 'reg_no']) }},

        ---------- text
        entities.ent_name,
        entities.ent_type_code,
        entities.ent_type_name,
        entities.ent_class,
        case when minors.subject_id is null then entities.legal_rep_name end as legal_rep_name,
        entities.currency,
        entities.industry_code,
        entities.industry_name,
        coalesce(redacted.business_scope, entities.business_scope) as business_scope,
        coalesce(redacted.address, entities.address) as address,
        entities.division_code,
        entities.reg_org,
        entities.reg_state,

        ---------- amounts
        cast(entities.reg_capital_cny as decimal(18, 2)) as reg_capital_cny,

        ---------- dates
        entities.established_date,
        entities.approved_date,
        entities.operation_from,
        entities.operation_to,
        shown.first_accepted_date

    from {{ ref('stg_market_regulation__registered_entities') }} as entities
    inner join shown on shown.row_key = entities.row_key
    left join redacted on redacted.row_key = entities.row_key
    left join {{ ref('int_minor_representatives__collected') }} as minors on minors.subject_id = shown.subject_id

)

select * from joined
