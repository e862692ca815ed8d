with

shown as (

    select row_key from {{ ref('int_penalties__stated') }} where hidden_reason is null

),

texts as (

    select
        penalties.row_key,
        {% for column in ['violation_type', 'violation_facts', 'penalty_basis', 'penalty_content', 'revoked_licence'] -%}
        penalties.{{ column }} as delivered_{{ column }},
        redact_numbers(penalties.{{ column }}) as {{ column }}{{ ',' if not loop.last }}
        {% endfor %}
    from {{ ref('stg_market_regulation__penalty_decisions') }} as penalties
    semi join shown using (row_key)

)

select
    row_key,
    violation_type,
    violation_facts,
    penalty_basis,
    penalty_content,
    revoked_licence,
    {{ changed_fields(['violation_type', 'violation_facts', 'penalty_basis', 'penalty_content', 'revoked_licence']) }}
        as redacted_fields
from texts
where len(redacted_fields) > 0
