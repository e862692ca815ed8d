{{ config(level='authorised', order_by=['list_code', 'record_id', 'role_id']) }}

with

entries as (

    select
        stated.list_code,
        stated.record_id,
        stated.subject_id,
        stated.list_rule_id,
        stated.listed_date,
        string_split(terms.responsible_roles, ';') as responsible_roles
    from {{ ref('int_defaulters__stated') }} as stated
    inner join {{ source('platform', 'list_terms') }} as terms on terms.rule_id = stated.list_rule_id
    where stated.list_type = 'SEVERE' and stated.is_current and stated.state = 'active' and not stated.is_held
        and stated.grade = 'exact' and stated.subject_id like 'L%'
        and stated.listed_date >= terms.responsible_from
        and stated.listed_date <= coalesce(terms.responsible_to, stated.listed_date)

),

-- Who may have held the role that day; whose beginning is unknown may have, so that another is in doubt.
possible as (

    select
        entries.*,
        roles.role_id,
        roles.role,
        roles.role_name,
        roles.holder_id,
        roles.holder_name,
        roles.doubt,
        roles.is_minor,
        roles.valid_from,
        roles.valid_to,
        coalesce(roles.valid_from, roles.known_from) as begins,
        count(distinct roles.name_norm) over (partition by entries.list_code, entries.record_id, roles.role)
            as names
    from entries
    inner join {{ ref('int_roles__settled') }} as roles on roles.subject_id = entries.subject_id
    where list_contains(entries.responsible_roles, roles.role)
        and coalesce(roles.valid_from, entries.listed_date) <= entries.listed_date
        and entries.listed_date < coalesce(roles.valid_to, date '9999-12-31')

),

judged as (

    select
        *,
        case
            when coalesce(is_minor, false) then 'minor'
            when names > 1 then 'several_representatives'
            when doubt is not null then doubt
            when holder_id not like 'N%' then 'no_person'
        end as why_not
    from possible
    -- who is first heard of later, without a day from which, is not known to have held it
    where begins <= listed_date

),

joined as (

    select
        ---------- ids
        judged.list_code,
        judged.record_id,
        judged.role_id,
        judged.subject_id as organisation_id,
        case when judged.why_not is null then judged.holder_id end as subject_id,
        judged.list_rule_id as rule_id,

        ---------- text
        organisations.current_name as organisation_name,
        judged.role,
        judged.role_name,
        case when coalesce(judged.why_not, '') <> 'minor' then judged.holder_name end as holder_name,
        judged.why_not as doubt,

        ---------- dates
        judged.listed_date,
        judged.valid_from,
        judged.valid_to

    from judged
    inner join {{ ref('stg_platform__subjects') }} as organisations
        on organisations.subject_id = judged.subject_id

)

select * from joined
