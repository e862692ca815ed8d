-- What the ledger calls published is what the public files hold, counted there.
with

tables as (

    select 'market_regulation.entity_register' as dataset, count(record_id) as records from {{ ref('pub_subject') }}
    union all
    select 'administrative_approval.licence_decision', count(record_id) from {{ ref('pub_licence') }}
    union all
    select 'market_regulation.penalty_decision', count(record_id) from {{ ref('pub_penalty') }}
    union all
    select 'court.judgment_defaulter', count(record_id) from {{ ref('pub_list_current') }} where list_type = 'SEVERE'
    union all
    select 'tax.a_level_taxpayer', count(record_id) from {{ ref('pub_list_current') }} where list_type = 'RED'

),

ledger as (select dataset, records from {{ ref('ledger_publication') }} where outcome = 'published')

select coalesce(tables.dataset, ledger.dataset) as dataset
from tables
full join ledger on ledger.dataset = tables.dataset
where coalesce(tables.records, 0) <> coalesce(ledger.records, 0)
