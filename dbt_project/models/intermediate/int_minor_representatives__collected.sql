{#- A child who was entered as a representative is kept and never shown: no public row names who represents it. -#}
select distinct subject_id
from {{ ref('stg_platform__roles') }}
where role in ('LEGAL_REP', 'OPERATOR') and is_minor
