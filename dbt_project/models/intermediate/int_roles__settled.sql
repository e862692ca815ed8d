{#- The register's own name of a representative repeats what a documented row says better: one row stands. -#}
with

roles as (

    select
        *,
        role in ('LEGAL_REP', 'OPERATOR') and position_name is null as is_name_only,
        valid_to is null or valid_to > {{ business_date() }} as is_current
    from {{ ref('stg_platform__roles') }}

),

names_only as (

    select subject_id, role, name_norm, max(valid_from) as valid_from
    from roles
    where is_name_only and is_current
    group by subject_id, role, name_norm

),

documented as (

    select subject_id, role, name_norm
    from roles
    where not is_name_only and is_current
    group by subject_id, role, name_norm

)

select
    ---------- ids
    roles.role_id,
    roles.subject_id,
    roles.holder_id,

    ---------- text
    roles.role,
    role_names.name_zh as role_name,
    roles.holder_name,
    roles.name_norm,
    roles.position_name,
    roles.doubt,
    roles.source_dataset,

    ---------- booleans
    roles.is_minor,
    roles.is_current,

    ---------- dates
    -- of two beginnings the later one: nobody is said to have held a role before he provably did
    case when roles.is_current then greatest(roles.valid_from, names_only.valid_from) else roles.valid_from end
        as valid_from,
    roles.valid_to,
    roles.known_from

from roles
left join names_only
    on names_only.subject_id = roles.subject_id and names_only.role = roles.role
        and names_only.name_norm = roles.name_norm
left join documented
    on documented.subject_id = roles.subject_id and documented.role = roles.role
        and documented.name_norm = roles.name_norm
left join {{ source('platform', 'role_names') }} as role_names on role_names.role = roles.role
where not (roles.is_name_only and roles.is_current and documented.subject_id is not null)
