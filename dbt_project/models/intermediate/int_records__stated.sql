{{ config(materialized="view") }}

{%- set models = {
    'administrative_approval.licence_decision': ('int_licences__stated', 'pub_licence', true),
    'court.judgment_defaulter': ('int_defaulters__stated', 'pub_list_current', true),
    'credit_office.repair_decision': ('int_repairs__stated', none, false),
    'market_regulation.entity_change': ('int_entity_changes__stated', none, false),
    'market_regulation.entity_register': ('int_registered_entities__stated', 'pub_subject', true),
    'market_regulation.penalty_decision': ('int_penalties__stated', 'pub_penalty', true),
    'public_security.population_register': ('int_residents__stated', none, true),
    'tax.a_level_taxpayer': ('int_a_level_taxpayers__stated', 'pub_list_current', true),
} -%}
with

{% for dataset, (model, table, has_subject) in models.items() %}
{{ model }} as (

    select
        ---------- ids
        '{{ dataset }}' as dataset,
        record_id,
        row_key,
        {{ 'subject_id' if has_subject else 'cast(null as varchar) as subject_id' }},

        ---------- text
        state,
        hidden_reason,
        {{ "case when hidden_reason is null then '" ~ table ~ "' end" if table else 'cast(null as varchar)' }} as published_in,
        {{ 'link_status' if has_subject else 'cast(null as varchar) as link_status' }},
        {{ 'grade' if has_subject else 'cast(null as varchar) as grade' }},
        {{ 'tier' if has_subject else 'cast(null as varchar) as tier' }},
        {{ 'link_reason' if has_subject else 'cast(null as varchar) as link_reason' }},

        ---------- amounts
        cast(record_version as integer) as record_version,

        ---------- booleans
        is_current,
        is_held,

        ---------- dates
        received_date,
        first_accepted_date,
        closed_date

    from {{ ref(model) }}

),

{% endfor %}
unioned as (

{% for dataset, (model, table, has_subject) in models.items() %}
    select * from {{ model }}
{% if not loop.last %}    union all
{% endif %}
{% endfor %}

)

select * from unioned
