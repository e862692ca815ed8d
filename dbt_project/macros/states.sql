{# The day this build stands for, as a literal: no join, and the plan can fold it. #}
{% macro business_date() -%} date '{{ var("business_date") }}' {%- endmacro %}


{#
  The versions of an incremental dataset: one row per accepted or held row, in the order the batches were
  first received. Returns the body of a CTE.
  - is_duplicate: says what the stored version says already (U02); it changes nothing and is not a version.
  - is_current: the row that speaks for the record: the last version that is not a withdrawal.
  - is_withdrawn: the last version takes the record back.
  A file delivered again is the same batch and keeps its first place, so an old file cannot undo a correction.
  Most records have one version: only the others go through the window functions.
#}
{% macro record_versions(relation, carry=[]) -%}
  {%- set carried -%}{% for column in carry %}{{ column }}, {% endfor %}{%- endset -%}
  with received as (

      select
          record_id, {{ carried }}row_key, content_hash, is_withdrawal, is_held, has_minor, received_date
      from {{ relation }}

  ),

  repeated as (select record_id from received group by record_id having count(*) > 1),

  compared as (

      select
          received.*,
          coalesce(
              lag(is_withdrawal) over delivered = is_withdrawal
              and (is_withdrawal or lag(content_hash) over delivered = content_hash),
              false
          ) as is_duplicate
      from received
      semi join repeated using (record_id)
      window delivered as (partition by record_id order by row_key)

  ),

  placed as (

      select
          *,
          row_number() over (
              partition by record_id order by is_duplicate, is_withdrawal, row_key desc
          ) = 1 as is_current,
          last_value(is_withdrawal) over whole as is_withdrawn,
          count(*) filter (not is_duplicate and not is_withdrawal) over delivered as record_version,
          min(received_date) filter (not is_held and not is_withdrawal) over whole as first_accepted_date,
          min(received_date) filter (not is_duplicate) over later as closed_date
      from compared
      window
          delivered as (partition by record_id order by row_key),
          later as (
              partition by record_id order by row_key rows between 1 following and unbounded following
          ),
          whole as (
              partition by record_id order by row_key
              rows between unbounded preceding and unbounded following
          )

  )

  select
      record_id, {{ carried }}row_key, is_withdrawal, is_held, has_minor, received_date,
      is_duplicate, is_current, is_withdrawn, record_version, first_accepted_date, closed_date
  from placed
  union all
  select
      record_id, {{ carried }}row_key, is_withdrawal, is_held, has_minor, received_date,
      false, true, is_withdrawal, cast(not is_withdrawal as bigint),
      case when not is_held and not is_withdrawal then received_date end, cast(null as date)
  from received
  anti join repeated using (record_id)
{%- endmacro %}


{#
  The records of a full-snapshot dataset: every row of the snapshot received last, and of each record that it
  does not hold any more the last row that did. A key that stands twice in one file is a correction within the
  file: the later row wins.
#}
{% macro snapshot_records(relation, carry=[]) -%}
  {%- set carried -%}{% for column in carry %}{{ column }}, {% endfor %}{%- endset -%}
  with received as (

      select
          record_id, {{ carried }}row_key, content_hash, is_held, has_minor, received_date,
          snapshot_no, is_current_snapshot
      from {{ relation }}

  ),

  present as (select * from received where is_current_snapshot),

  repeated as (select record_id, max(row_key) as last_row_key from present group by record_id having count(*) > 1),

  history as (

      select
          record_id,
          min(received_date) filter (not is_held) as first_accepted_date,
          count(distinct content_hash) as record_version
      from received
      group by record_id

  ),

  gone as (

      select * from received
      anti join present using (record_id)
      qualify row_number() over (partition by record_id order by snapshot_no desc, row_key desc) = 1

  ),

  standing as (select * from present union all select * from gone)

  select
      standing.record_id, {% for column in carry %}standing.{{ column }}, {% endfor %}standing.row_key,
      false as is_withdrawal, standing.is_held, standing.has_minor, standing.received_date,
      false as is_duplicate,
      coalesce(repeated.last_row_key, standing.row_key) = standing.row_key or not standing.is_current_snapshot
          as is_current,
      not standing.is_current_snapshot as is_withdrawn,
      history.record_version, history.first_accepted_date, cast(null as date) as closed_date
  from standing
  inner join history on history.record_id = standing.record_id
  left join repeated on repeated.record_id = standing.record_id
{%- endmacro %}


{# The datasets that have a stated model of their own: its name, the public table it feeds, whether it links. #}
{% macro modelled_datasets() -%}
  {{ return({
      'administrative_approval.licence_decision': ('int_licences__stated', 'pub_licence', true),
      'court.judgment_defaulter': ('int_defaulters__stated', 'pub_list_current', true),
      'credit_office.repair_decision': ('int_repairs__stated', none, false),
      'market_regulation.entity_change': ('int_entity_changes__stated', none, false),
      'market_regulation.entity_register': ('int_registered_entities__stated', 'pub_subject', true),
      'market_regulation.penalty_decision': ('int_penalties__stated', 'pub_penalty', true),
      'public_security.population_register': ('int_residents__stated', none, true),
      'tax.a_level_taxpayer': ('int_a_level_taxpayers__stated', 'pub_list_current', true),
  }) }}
{%- endmacro %}


{#
  Adds the link of each row and the state of each record. `versions` is the name of a CTE of the shape above, of
  one dataset or, without `dataset`, of several; `repaired` and `expired` are conditions over its columns; `removed` names the state of a record taken back.
#}
{% macro stated(versions, dataset=none, expired='false', repaired='false', removed='withdrawn', links='stg_platform__links') -%}
  select
      {{ versions }}.* exclude (is_withdrawal, is_withdrawn),
      links.subject_id,
      links.link_status,
      links.grade,
      links.tier,
      links.reason as link_reason,
      case
          when is_duplicate then 'duplicate'
          when not is_current and is_withdrawal then 'withdrawal'
          when not is_current then 'corrected'
          when is_withdrawn then '{{ removed }}'
          when {{ repaired }} then 'repaired'
          when {{ expired }} then 'expired'
          else 'active'
      end as state
  from {{ versions }}
  left join {{ ref(links) }} as links
      on links.row_key = {{ versions }}.row_key
      {% if dataset %}and links.dataset = '{{ dataset }}'{% endif %}
{%- endmacro %}


{#
  Why a current record is not shown in its public table: the first reason that applies, null if it is shown.
  `rules` are further (condition, reason) pairs of the dataset, tried before the link's.
#}
{% macro hidden_reason(rules=[], needs_link=true) -%}
  case
      when not is_current then state
      when state in ('withdrawn', 'removed', 'repaired') then state
      when is_held then 'held'
      when has_minor then 'minor'
      {%- for condition, reason in rules %}
      when {{ condition }} then '{{ reason }}'
      {%- endfor %}
      {%- if needs_link %}
      when link_status = 'review' then 'in_review'
      when subject_id is null then 'unlinked'
      when grade <> 'exact' then 'inferred'
      when subject_id not like 'L%' then 'natural_person'
      {%- endif %}
      when state = 'expired' then 'expired'
  end
{%- endmacro %}


{# Identifier columns as they may be shown: only what the cleaning found intact or repaired. #}
{% macro trusted(relation, columns) -%}
  {% for column in columns -%}
  case when {{ relation }}.{{ column }}_status in ('valid', 'repaired') then {{ relation }}.{{ column }} end as {{ column }}
  {%- if not loop.last %},
        {% endif %}
  {%- endfor %}
{%- endmacro %}
