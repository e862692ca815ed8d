{#- Both rooms, all datasets: a warning of an accepted row is a defect too. -#}
with

{% for dataset in var('datasets') %}
{{ dataset }} as (

    select row_key, record_id, outcome, unnest(defects) as defect
    from {{ source('records', dataset) }}
    where len(defects) > 0
    union all
    select row_key, record_id, outcome, unnest(defects) as defect
    from {{ source('rejects', dataset) }}
    where len(defects) > 0

),
{% endfor %}

renamed as (

{% for dataset in var('datasets') %}
    select
        ---------- ids
        '{{ dataset | replace('__', '.') }}' as dataset,
        row_key,
        record_id,

        ---------- text
        outcome,
        defect.code,
        defect.level,
        defect.field,
        defect.detail

    from {{ dataset }}
{% if not loop.last %}    union all{% endif %}

{% endfor %}

)

select * from renamed
