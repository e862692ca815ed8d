with

shown as (

    select row_key from {{ ref('int_defaulters__stated') }} where hidden_reason is null

),

texts as (

    select
        defaulters.row_key,
        {% for column in ['obligation', 'performed_part', 'unperformed_part'] -%}
        defaulters.{{ column }} as delivered_{{ column }},
        redact_parties(redact_numbers(defaulters.{{ column }})) as {{ column }},
        {% endfor -%}
        defaulters.behaviour as delivered_behaviour,
        redact_numbers(defaulters.behaviour) as behaviour
    from {{ ref('stg_court__judgment_defaulters') }} as defaulters
    semi join shown using (row_key)

)

select
    row_key,
    obligation,
    performed_part,
    unperformed_part,
    behaviour,
    {{ changed_fields(['obligation', 'performed_part', 'unperformed_part', 'behaviour']) }} as redacted_fields
from texts
where len(redacted_fields) > 0
