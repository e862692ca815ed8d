with

source as (select * from {{ source('linking', 'subject_changes') }}),

renamed as (

    select
        ---------- ids
        subject_id,
        other_subject_id,

        ---------- text
        change,
        reason,

        ---------- dates
        known_from

    from source

)

select * from renamed
