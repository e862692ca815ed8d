{{ config(materialized="view") }}

with

{% for dataset, (model, table, has_subject) in modelled_datasets().items() %}
{{ model }} as (

    select
        ---------- ids
        '{{ dataset }}' as dataset,
        record_id,
        row_key,
        {{ 'subject_id' if has_subject else 'cast(null as varchar) as subject_id' }},

        ---------- text
        state,
        hidden_reason,
        {{ "case when hidden_reason is null then '" ~ table ~ "' end" if table else 'cast(null as varchar)' }} as published_in,
        {{ 'link_status' if has_subject else 'cast(null as varchar) as link_status' }},
        {{ 'grade' if has_subject else 'cast(null as varchar) as grade' }},
        {{ 'tier' if has_subject else 'cast(null as varchar) as tier' }},
        {{ 'link_reason' if has_subject else 'cast(null as varchar) as link_reason' }},

        ---------- amounts
        cast(record_version as integer) as record_version,

        ---------- booleans
        is_current,
        is_held,

        ---------- dates
        received_date,
        first_accepted_date,
        closed_date

    from {{ ref(model) }}

),

{% endfor %}
others as (

    select
        ---------- ids
        dataset,
        record_id,
        row_key,
        subject_id,

        ---------- text
        state,
        hidden_reason,
        cast(null as varchar) as published_in,
        link_status,
        grade,
        tier,
        link_reason,

        ---------- amounts
        cast(record_version as integer) as record_version,

        ---------- booleans
        is_current,
        is_held,

        ---------- dates
        received_date,
        first_accepted_date,
        closed_date

    from {{ ref('int_other_records__stated') }}

),

unioned as (

{% for dataset, (model, table, has_subject) in modelled_datasets().items() %}
    select * from {{ model }}
    union all
{% endfor %}
    select * from others

)

select * from unioned
