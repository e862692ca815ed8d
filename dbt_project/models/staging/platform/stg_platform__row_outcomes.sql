{#- Read from the rows themselves, not from a manifest's count: the ledger compares the two. -#}
with

renamed as (

{% for dataset in var('datasets') %}
{% for room in ['records', 'rejects'] %}
    select
        ---------- ids
        '{{ dataset | replace('__', '.') }}' as dataset,
        row_key,
        record_id,

        ---------- text
        outcome

    from {{ source(room, dataset) }}
{% if not loop.last %}    union all{% endif %}

{% endfor %}
{% if not loop.last %}    union all{% endif %}

{% endfor %}

)

select * from renamed
