-- A current record that evidence kept from its public table has a defect that says so to its department.
select records_index.record_id
from {{ ref('records_index') }} as records_index
anti join {{ ref('defects') }} as defects
    on defects.dataset = records_index.dataset
    and defects.record_id = records_index.record_id
where records_index.is_current and records_index.hidden_reason in ('in_review', 'unlinked')
    and records_index.link_status is not null
