{{ config(level='internal', order_by=['dataset', 'outcome']) }}

with

records as (select * from {{ ref('int_records__stated') }} where is_current),

counted as (

    select
        ---------- ids
        dataset,
        coalesce(hidden_reason, 'published') as outcome,

        ---------- amounts
        count(*) as records

    from records
    group by dataset, coalesce(hidden_reason, 'published')

)

select * from counted
