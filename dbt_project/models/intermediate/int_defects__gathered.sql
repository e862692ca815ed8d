{{ config(materialized="view") }}

{#- A view: warnings are many, and who reads it needs a part of them. -#}
with

levels as (select * from {{ ref('stg_platform__defect_levels') }}),

records as (select * from {{ ref('int_records__stated') }}),

of_rows as (

    select dataset, row_key, record_id, code, level, field, detail, 'standardise' as found_by
    from {{ ref('stg_platform__row_defects') }}

),

of_links as (

    select
        dataset,
        row_key,
        record_id,
        case when link_reason in ('name_conflict', 'wrong_archive') then 'K08' else 'L01' end as code,
        cast(null as varchar) as field,
        link_reason as detail,
        'link' as found_by
    from records
    where is_current and link_status in ('review', 'unlinked')

),

of_duplicates as (

    select dataset, row_key, record_id, 'U02' as code, cast(null as varchar) as field, cast(null as varchar) as detail,
        'build' as found_by
    from records
    where state = 'duplicate'

),

of_registers as (

    select records.dataset, records.row_key, records.record_id, 'L02' as code, cast(null as varchar) as field,
        cast(null as varchar) as detail, 'build' as found_by
    from records
    inner join {{ ref('int_registers__linked') }} as registers
        on registers.dataset = records.dataset and registers.row_key = records.row_key
    where records.is_current and registers.has_shared_number

),

of_texts as (

    select redacted.dataset, redacted.row_key, records.record_id, 'P01' as code, redacted.field,
        cast(null as varchar) as detail, 'build' as found_by
    from {{ ref('int_texts__redacted') }} as redacted
    inner join records on records.dataset = redacted.dataset and records.row_key = redacted.row_key

),

later_found as (

    select * from of_links
    union all
    select * from of_duplicates
    union all
    select * from of_registers
    union all
    select * from of_texts

),

found as (

    select dataset, row_key, record_id, code, level, field, detail, found_by from of_rows
    union all
    select
        later_found.dataset, later_found.row_key, later_found.record_id, later_found.code, levels.level,
        later_found.field, later_found.detail, later_found.found_by
    from later_found
    inner join levels on levels.code = later_found.code

)

select * from found
