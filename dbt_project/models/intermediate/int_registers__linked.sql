{#- A register row belongs to the subject that its own intact number belongs to; a number of two subjects to none. -#}
with

owners as (

    select
        id_kind,
        id_value,
        case when count(distinct subject_id) = 1 then min(subject_id) end as subject_id,
        count(distinct subject_id) > 1 as is_shared
    from {{ ref('stg_platform__identifiers') }}
    group by id_kind, id_value

),

twins as (

    select substr(id_value, 9, 9) as org_code
    from {{ ref('stg_platform__identifiers') }}
    where id_kind = 'uscc'
    group by substr(id_value, 9, 9)
    having count(distinct id_value) > 1

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
    case
        when owners.is_shared then 'number_of_two_subjects' when owners.subject_id is null then 'no_number'
    end as reason,

    ---------- flags
    coalesce(owners.is_shared, false) or twins.org_code is not null as has_shared_number

from numbers
left join owners on owners.id_kind = numbers.id_kind and owners.id_value = numbers.id_value
left join twins on numbers.id_kind = 'uscc' and twins.org_code = substr(numbers.id_value, 9, 9)
