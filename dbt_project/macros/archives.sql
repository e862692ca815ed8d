{#
  What the archives of legal and natural subjects count alike. Held and inferred records are counted apart:
  the archive shows how sure it is. Withdrawn records are not misconduct and are in no other count.
#}
{% macro archive_counts(archive) -%}
records as (

    select
        subject_id,
        count(*) filter (dataset = 'administrative_approval.licence_decision' and state = 'active') as licence_count,
        count(*) filter (dataset = 'market_regulation.penalty_decision' and state in ('active', 'expired')) as penalty_count,
        count(*) filter (published_in = 'pub_penalty') as shown_penalty_count,
        count(*) filter (state = 'repaired') as repaired_count,
        count(*) filter (state = 'withdrawn') as withdrawn_count,
        count(*) filter (is_held and state = 'active') as held_count,
        count(*) filter (grade = 'inferred' and state in ('active', 'expired', 'repaired')) as inferred_count,
        count(*) filter (dataset not like '%register') as record_count,
        max(received_date) filter (dataset not like '%register') as last_received_date
    from {{ ref('int_records__stated') }}
    where is_current and subject_id like '{{ archive }}%'
    group by subject_id

),

fines as (

    select stated.subject_id, sum(penalties.fine_cny) as fine_total_cny
    from {{ ref('stg_market_regulation__penalty_decisions') }} as penalties
    inner join {{ ref('int_penalties__stated') }} as stated on stated.row_key = penalties.row_key
    where stated.is_current and stated.state in ('active', 'expired') and not stated.is_held
        and stated.subject_id like '{{ archive }}%'
    group by stated.subject_id

),

entries as (

    select subject_id, list_code from {{ ref('int_defaulters__stated') }}
    where is_current and state = 'active' and not is_held
    union all
    select subject_id, list_code from {{ ref('int_a_level_taxpayers__stated') }}
    where is_current and state = 'active' and not is_held

),

lists as (

    select subject_id, string_agg(distinct list_code, ';' order by list_code) as current_lists
    from entries
    where subject_id like '{{ archive }}%'
    group by subject_id

)
{%- endmacro %}


{% macro archive_grade() -%}
  case when coalesce(records.inferred_count, 0) > 0 then 'inferred' when records.record_count > 0 then 'exact' end as weakest_grade
{%- endmacro %}


{% macro archive_amounts() -%}
  {% for column in ['record', 'licence', 'penalty', 'shown_penalty', 'repaired', 'withdrawn', 'held', 'inferred'] -%}
  cast(coalesce(records.{{ column }}_count, 0) as integer) as {{ column }}_count,
        {% endfor -%}
  cast(coalesce(fines.fine_total_cny, 0) as decimal(18, 2)) as fine_total_cny
{%- endmacro %}


{% macro archive_flags() -%}
  coalesce(list_contains(string_split(lists.current_lists, ';'), 'COURT_DEFAULTER'), false) as is_judgment_defaulter,
        coalesce(list_contains(string_split(lists.current_lists, ';'), 'TAX_A'), false) as is_a_level_taxpayer
{%- endmacro %}
