with

source as (select * from {{ source('platform', 'defect_levels') }}),

renamed as (

    select
        ---------- text
        code,
        level

    from source

)

select * from renamed
