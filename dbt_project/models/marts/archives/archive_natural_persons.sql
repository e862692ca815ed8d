{{ config(level='authorised', order_by=['subject_id']) }}

with

subjects as (select * from {{ ref('stg_platform__subjects') }} where archive = 'N'),

registered as (

    select
        stated.subject_id, residents.id_no, residents.person_name, residents.former_name, residents.sex,
        residents.birth_date, residents.address, residents.state as resident_state
    from {{ ref('stg_public_security__residents') }} as residents
    inner join {{ ref('int_residents__stated') }} as stated on stated.row_key = residents.row_key
    where stated.state = 'active' and stated.subject_id is not null
    qualify row_number() over (partition by stated.subject_id order by residents.row_key desc) = 1

),

{{ archive_counts('N') }},

joined as (

    select
        ---------- ids
        subjects.subject_id,
        registered.id_no,

        ---------- text
        coalesce(registered.person_name, subjects.current_name) as person_name,
        registered.former_name,
        registered.sex,
        registered.resident_state,
        registered.address,
        subjects.division_code,
        lists.current_lists,
        {{ archive_grade() }},

        ---------- amounts
        {{ archive_amounts() }},

        ---------- booleans
        registered.subject_id is not null as is_in_register,
        {{ archive_flags() }},

        ---------- dates
        registered.birth_date,
        records.last_received_date

    from subjects
    left join registered on registered.subject_id = subjects.subject_id
    left join records on records.subject_id = subjects.subject_id
    left join fines on fines.subject_id = subjects.subject_id
    left join lists on lists.subject_id = subjects.subject_id

)

select * from joined
