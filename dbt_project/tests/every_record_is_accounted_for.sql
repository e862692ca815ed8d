-- Every record that was ever accepted or held is published or has one reason why not. Counted from the rows.
with

kept as (

    select dataset, count(distinct record_id) as records
    from {{ ref('stg_platform__row_outcomes') }}
    where outcome in ('accepted', 'held')
    group by dataset

),

accounted as (

    select dataset, sum(records) as records from {{ ref('ledger_publication') }} group by dataset

)

select kept.dataset, kept.records, accounted.records as accounted_records
from kept
full join accounted on accounted.dataset = kept.dataset
where kept.records is distinct from accounted.records
