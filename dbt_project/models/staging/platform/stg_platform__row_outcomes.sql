{#- Read from the rows themselves, not from a manifest's count: the ledger compares the two. -#}
with

renamed as (

{% for room in ['records', 'rejects'] %}
    select
        ---------- ids
        dataset,
        row_key,
        record_id,

        ---------- text
        outcome

    from {{ source('rooms', room) }}
{% if not loop.last %}    union all{% endif %}

{% endfor %}
)

select * from renamed
