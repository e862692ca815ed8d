-- Asked of the delivered repair decisions themselves, not of the state that the marts are made from:
-- any granted version in effect must have taken its target away, unless a later version took the repair back.
with

latest as (

    select target_record_id, status, is_withdrawal, coalesce(effective_date, decided_date) as effective_date
    from {{ ref('stg_credit_office__repair_decisions') }}
    qualify row_number() over (partition by record_id order by row_key desc) = 1

)

select pub_penalty.record_id
from {{ ref('pub_penalty') }} as pub_penalty
inner join latest on latest.target_record_id = pub_penalty.record_id
where latest.status = 'GRANTED' and not latest.is_withdrawal and latest.effective_date <= {{ business_date() }}
