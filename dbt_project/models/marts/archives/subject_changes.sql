{{ config(level='internal', order_by=['subject_id', 'change']) }}

with recursive

changes as (select * from {{ ref('stg_platform__subject_changes') }}),

absorbed as (select subject_id, other_subject_id from changes where change = 'merged'),

-- A survivor may be absorbed later; union, not union all: a circle would end here and fail the test below.
trail as (

    select subject_id, change, other_subject_id as stands_as from changes
    union
    select trail.subject_id, trail.change, absorbed.other_subject_id as stands_as
    from trail
    inner join absorbed on absorbed.subject_id = trail.stands_as

),

ends as (

    select
        trail.subject_id,
        trail.change,
        trail.stands_as
    from trail
    left join absorbed on absorbed.subject_id = trail.stands_as
    where absorbed.subject_id is null

),

joined as (

    select
        ---------- ids
        changes.subject_id,
        changes.other_subject_id,
        ends.stands_as,

        ---------- text
        changes.change,
        changes.reason,
        subjects.current_name as stands_as_name,

        ---------- dates
        changes.known_from

    from changes
    left join ends on ends.subject_id = changes.subject_id and ends.change = changes.change
    left join {{ ref('stg_platform__subjects') }} as subjects on subjects.subject_id = ends.stands_as

)

select * from joined
