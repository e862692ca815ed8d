{{ config(level='internal', order_by=['dataset', 'batch_id']) }}

with

batches as (select * from {{ ref('stg_platform__batches') }}),

files as (select * from {{ ref('stg_platform__files') }}),

duplicates as (

    select row_key >> 31 as file_no, is_held, count(*) as row_count
    from {{ ref('int_records__stated') }}
    where state = 'duplicate'
    group by row_key >> 31, is_held

),

outcomes as (

    select row_key >> 31 as file_no, outcome, count(*) as row_count
    from {{ ref('stg_platform__row_outcomes') }}
    group by row_key >> 31, outcome

),

entries as (

    select file_no, outcome, row_count from outcomes
    union all
    select file_no, 'dropped_stored', row_count from duplicates
    union all
    select file_no, case when is_held then 'held' else 'accepted' end, -row_count from duplicates

),

counted as (

    select
        files.dataset,
        files.batch_id,
        {% for outcome in ['accepted', 'held', 'rejected', 'dropped', 'dropped_stored'] -%}
        sum(entries.row_count) filter (entries.outcome = '{{ outcome }}') as {{ outcome }}{{ ',' if not loop.last }}
        {% endfor %}
    from entries
    inner join files on files.file_no = entries.file_no
    group by files.dataset, files.batch_id

),

balanced as (

    select
        ---------- ids
        batches.dataset,
        batches.batch_id,

        ---------- text
        batches.status,

        ---------- amounts
        cast(batches.received_rows as bigint) as received,
        cast(coalesce(counted.accepted, 0) as bigint) as accepted,
        cast(coalesce(counted.held, 0) as bigint) as held,
        cast(coalesce(counted.rejected, 0) as bigint) as rejected,
        cast(coalesce(counted.dropped, 0) as bigint) as dropped_in_file,
        cast(coalesce(counted.dropped_stored, 0) as bigint) as dropped_stored,
        cast(case when batches.status = 'ok' then 0 else coalesce(batches.received_rows, 0) end as bigint) as blocked,

        ---------- booleans
        batches.is_current_snapshot,

        ---------- dates
        batches.received_date

    from batches
    left join counted on counted.dataset = batches.dataset and counted.batch_id = batches.batch_id

)

select
    *,
    coalesce(received, 0) - accepted - held - rejected - dropped_in_file - dropped_stored - blocked as difference
from balanced
