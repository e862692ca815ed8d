{#-
  A row that went back (E or H) is corrected by the first later row that cites its receipt number, whatever
  becomes of that row: what is still wrong with it is its own defect. Else by the first row of a later batch
  with the same organ and document number, if it is accepted or held and begins a record: the second version
  of a record that was there before is about another party of the same decision.
-#}
with

files as (

    select
        *,
        (max(file_no) over (partition by dataset, batch_id) + 1) << 31 as next_batch_key
    from {{ ref('stg_platform__files') }}

),

returned as (

    select distinct found.dataset, found.row_key, files.batch_id, files.file_name, files.next_batch_key
    from {{ ref('int_defects__gathered') }} as found
    inner join files on files.file_no = found.row_key >> 31
    where found.level in ('E', 'H')

),

citations as (select * from {{ ref('stg_platform__citations') }}),

documents as (select * from {{ ref('stg_platform__documents') }}),

by_receipt as (

    select returned.dataset, returned.row_key, citations.row_key as corrected_by
    from returned
    inner join citations
        on citations.dataset = returned.dataset
        and citations.receipt_no
        = receipt_no(returned.batch_id, returned.file_name, returned.row_key & 2147483647)
        and citations.row_key > returned.row_key

),

sought as (

    select documents.*, returned.next_batch_key
    from documents
    inner join returned on returned.dataset = documents.dataset and returned.row_key = documents.row_key

),

beginnings as (

    select documents.dataset, documents.document_no, documents.record_id, min(documents.row_key) as row_key
    from documents
    semi join sought on sought.dataset = documents.dataset and sought.document_no = documents.document_no
    where documents.is_kept
    group by documents.dataset, documents.document_no, documents.record_id

),

by_document as (

    select sought.dataset, sought.row_key, beginnings.row_key as corrected_by
    from sought
    inner join beginnings
        on beginnings.dataset = sought.dataset
        and beginnings.document_no = sought.document_no
        and beginnings.row_key >= sought.next_batch_key

),

corrections as (

    select * from by_receipt
    union all
    select * from by_document

),

firsts as (

    select dataset, row_key, min(corrected_by) as corrected_by from corrections group by dataset, row_key

)

select
    ---------- ids
    firsts.dataset,
    firsts.row_key,
    firsts.corrected_by,

    ---------- dates
    files.received_date as corrected_date

from firsts
inner join files on files.file_no = firsts.corrected_by >> 31
