{#- A register row belongs to the subject that its own intact number belongs to; a number of two subjects to none. -#}
with

owners as (

    select id_kind, id_value, min(subject_id) as subject_id
    from {{ ref('stg_platform__identifiers') }}
    group by id_kind, id_value
    having count(distinct subject_id) = 1

),

numbers as (

    select
        'market_regulation.entity_register' as dataset,
        row_key,
        case when uscc_status in ('valid', 'repaired') then 'uscc' else 'reg_no' end as id_kind,
        case when uscc_status in ('valid', 'repaired') then uscc else reg_no end as id_value
    from {{ ref('stg_market_regulation__registered_entities') }}
    where is_current_snapshot
    union all
    select
        'public_security.population_register' as dataset,
        row_key,
        'resident_id' as id_kind,
        id_no as id_value
    from {{ ref('stg_public_security__residents') }}
    where is_current_snapshot

)

select
    ---------- ids
    numbers.dataset,
    numbers.row_key,
    owners.subject_id,

    ---------- text
    case when owners.subject_id is null then 'unlinked' else 'auto' end as link_status,
    case when owners.subject_id is not null then 'exact' end as grade,
    case when owners.subject_id is not null then 'register' end as tier,
    case when owners.subject_id is null then 'no_number' end as reason

from numbers
left join owners on owners.id_kind = numbers.id_kind and owners.id_value = numbers.id_value
