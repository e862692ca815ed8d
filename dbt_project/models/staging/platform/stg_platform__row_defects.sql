{#- Both rooms, all datasets: a warning of an accepted row is a defect too. -#}
with

unnested as (

    select dataset, row_key, record_id, outcome, unnest(defects) as defect
    from {{ source('rooms', 'records') }}
    where len(defects) > 0
    union all
    select dataset, row_key, record_id, outcome, unnest(defects) as defect
    from {{ source('rooms', 'rejects') }}
    where len(defects) > 0

),

renamed as (

    select
        ---------- ids
        dataset,
        row_key,
        record_id,

        ---------- text
        outcome,
        defect.code,
        defect.level,
        defect.field,
        defect.detail

    from unnested

)

select * from renamed
