with

shown as (

    select row_key from {{ ref('int_registered_entities__stated') }} where hidden_reason is null

),

texts as (

    select
        entities.row_key,
        {% for column in ['business_scope', 'address'] -%}
        entities.{{ column }} as delivered_{{ column }},
        redact_numbers(entities.{{ column }}) as {{ column }}{{ ',' if not loop.last }}
        {% endfor %}
    from {{ ref('stg_market_regulation__registered_entities') }} as entities
    semi join shown using (row_key)

)

select
    row_key,
    business_scope,
    address,
    {{ changed_fields(['business_scope', 'address']) }} as redacted_fields
from texts
where len(redacted_fields) > 0
