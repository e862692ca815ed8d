with

shown as (

    select row_key from {{ ref('int_licences__stated') }} where hidden_reason is null

),

texts as (

    select
        licences.row_key,
        {% for column in ['licence_content', 'document_name', 'certificate_name', 'certificate_no'] -%}
        licences.{{ column }} as delivered_{{ column }},
        redact_numbers(licences.{{ column }}) as {{ column }}{{ ',' if not loop.last }}
        {% endfor %}
    from {{ ref('stg_administrative_approval__licence_decisions') }} as licences
    semi join shown using (row_key)

)

select
    row_key,
    licence_content,
    document_name,
    certificate_name,
    certificate_no,
    {{ changed_fields(['licence_content', 'document_name', 'certificate_name', 'certificate_no']) }} as redacted_fields
from texts
where len(redacted_fields) > 0
