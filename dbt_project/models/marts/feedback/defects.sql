{{ config(level='internal', order_by=['dataset', 'batch_id', 'file_name', 'row_no', 'code', 'defect_id']) }}

with

files as (select * from {{ ref('stg_platform__files') }}),

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

),

-- The version that comes next closes the defects of the one before; only records with a defect take part.
versions as (

    select records.dataset, records.record_id, records.row_key, records.received_date
    from records
    semi join found on found.dataset = records.dataset and found.record_id = records.record_id
    where records.state <> 'duplicate'

),

closed as (

    select found.*, versions.received_date as next_version_date
    from found
    asof left join versions
        on versions.dataset = found.dataset
        and versions.record_id = found.record_id
        and found.row_key < versions.row_key

),

of_batches as (

    select
        dataset, batch_id, file_name, coalesce(row_no, 0) as row_no, cast(null as varchar) as record_id,
        code, level, field, message as detail, 'batch' as found_by, received_date as opened_date,
        cast(null as date) as closed_date
    from {{ ref('stg_platform__batch_defects') }}

),

listed as (

    select
        files.dataset, files.batch_id, files.file_name, closed.row_key & 2147483647 as row_no, closed.record_id,
        closed.code, closed.level, closed.field, closed.detail, closed.found_by,
        files.received_date as opened_date,
        coalesce(closed.next_version_date, files.replaced_date) as closed_date
    from closed
    inner join files on files.file_no = closed.row_key >> 31
    union all
    select * from of_batches

)

select distinct
    ---------- ids
    md5(concat_ws('|', batch_id, file_name, row_no, code, coalesce(field, ''), coalesce(detail, ''))) as defect_id,
    dataset,
    batch_id,
    file_name,
    cast(row_no as bigint) as row_no,
    record_id,

    ---------- text
    code,
    level,
    field,
    detail,
    found_by,

    ---------- dates
    opened_date,
    closed_date

from listed
