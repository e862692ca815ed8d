{{ config(level='internal', order_by=['subject_id']) }}

with

subjects as (select * from {{ ref('stg_platform__subjects') }} where archive = 'L'),

numbers as (

    select
        subject_id,
        string_agg(id_value, ';' order by id_value) filter (id_kind = 'uscc') as uscc,
        string_agg(id_value, ';' order by id_value) filter (id_kind = 'reg_no') as reg_no
    from {{ ref('stg_platform__identifiers') }}
    group by subject_id

),

{{ archive_counts('L') }},

joined as (

    select
        ---------- ids
        subjects.subject_id,
        numbers.uscc,
        numbers.reg_no,

        ---------- text
        subjects.subject_type,
        subjects.current_name,
        subjects.subject_state,
        subjects.division_code,
        lists.current_lists,
        {{ archive_grade() }},

        ---------- amounts
        {{ archive_amounts() }},

        ---------- booleans
        {{ archive_flags() }},

        ---------- dates
        records.last_received_date

    from subjects
    left join numbers on numbers.subject_id = subjects.subject_id
    left join records on records.subject_id = subjects.subject_id
    left join fines on fines.subject_id = subjects.subject_id
    left join lists on lists.subject_id = subjects.subject_id

)

select * from joined
