{{ config(level='internal', order_by=['dataset', 'batch_id', 'file_name', 'row_no', 'code', 'defect_id']) }}

with

files as (select * from {{ ref('stg_platform__files') }}),

records as (select * from {{ ref('int_records__stated') }}),

found as (select * from {{ ref('int_defects__gathered') }}),

corrected as (select * from {{ ref('int_rows__corrected') }}),

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
        coalesce(least(closed.next_version_date, corrected.corrected_date), files.replaced_date) as closed_date
    from closed
    inner join files on files.file_no = closed.row_key >> 31
    left join corrected on corrected.dataset = closed.dataset and corrected.row_key = closed.row_key
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
