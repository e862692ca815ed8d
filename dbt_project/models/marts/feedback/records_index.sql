{{ config(level='internal', order_by=['record_id', 'dataset', 'batch_id', 'file_name', 'row_no']) }}

with

records as (select * from {{ ref('int_records__stated') }}),

files as (select * from {{ ref('stg_platform__files') }}),

located as (

    select
        ---------- ids
        records.record_id,
        records.dataset,
        files.batch_id,
        files.file_name,
        cast(records.row_key & 2147483647 as bigint) as row_no,
        records.subject_id,

        ---------- text
        records.state,
        records.hidden_reason,
        records.published_in,
        records.link_status,
        records.grade,
        records.tier,

        ---------- amounts
        records.record_version,

        ---------- booleans
        records.is_current,
        records.is_held,

        ---------- dates
        records.received_date,
        records.first_accepted_date,
        records.closed_date

    from records
    inner join files on files.file_no = records.row_key >> 31

)

select * from located
