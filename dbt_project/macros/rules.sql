{#
  Rules are data (catalog/rules): these macros read the rule tables of this build and write them out as
  CASE expressions, so that a rule with a range or an "any" condition never becomes a join. What a rule says
  (months, published or not) is then joined by rule_id.
#}

{% macro read_rules(table, where='true') -%}
  {%- set query -%}
      select * from {{ source('platform', table) }} where {{ where }} order by priority, rule_id
  {%- endset -%}
  {%- if execute -%}{{ return(run_query(query).rows) }}{%- endif -%}
  {{ return([]) }}
{%- endmacro %}


{# Condition on a rule table: the row holds on the business date. #}
{% macro holds_today() -%}
  effective_from <= {{ business_date() }} and (effective_to is null or effective_to >= {{ business_date() }})
{%- endmacro %}


{# Rule tables hold several values in one text cell, separated by `;`. #}
{% macro quoted_list(cell) -%}
  {%- for value in cell.split(';') %}'{{ value | replace("'", "''") }}'{{ ', ' if not loop.last }}{% endfor -%}
{%- endmacro %}


{% macro in_force(row, date_column) -%}
  {{ date_column }} >= date '{{ row.effective_from }}'
  {%- if row.effective_to %} and {{ date_column }} <= date '{{ row.effective_to }}'{% endif -%}
{%- endmacro %}


{#
  The severity that decides a penalty's window: the department's, else derived from procedure and kinds,
  simple procedure first, then the heaviest kind.
#}
{% macro penalty_severity() -%}
  {%- set rows = read_rules('derived_severities') -%}
  case
      when severity is not null then severity
  {%- for row in rows if row.procedure_type %}
      when procedure_type = '{{ row.procedure_type }}' and {{ in_force(row, 'decision_date') }} then '{{ row.severity }}'
  {%- endfor %}
  {%- for level in ['SERIOUS', 'GENERAL', 'MINOR'] %}
  {%- for row in rows if row.kind and row.severity == level %}
      when list_contains(penalty_kinds, '{{ row.kind }}') and {{ in_force(row, 'decision_date') }} then '{{ level }}'
  {%- endfor %}
  {%- endfor %}
  end
{%- endmacro %}


{#
  rule_id of the first window that fits. With `regime`, the windows of that regime whatever the decision's date
  (for transitions); else those in force on the decision date. Expects a column decided_severity.
#}
{% macro window_rule(regime=none) -%}
  {%- set rows = read_rules('publication_windows') -%}
  case
  {%- for row in rows if regime is none or row.regime == regime %}
      when {% if regime is none %}{{ in_force(row, 'decision_date') }}{% else %}true{% endif %}
      {%- if row.severities %} and decided_severity in ({{ quoted_list(row.severities) }}){% endif %}
      {%- if row.procedures %} and procedure_type in ({{ quoted_list(row.procedures) }}){% endif %}
      {%- if row.domains %} and domain in ({{ quoted_list(row.domains) }}){% endif %}
      {%- if row.counterpart_classes %} and counterpart_class in ({{ quoted_list(row.counterpart_classes) }}){% endif %}
      {%- if row.kinds_only %}
          and list_has_all([{{ quoted_list(row.kinds_only) }}], coalesce(penalty_kinds, []))
      {%- endif %} then '{{ row.rule_id }}'
  {%- endfor %}
      {#- an empty CASE is no SQL; without any rule nothing is published #}
      when false then ''
  end
{%- endmacro %}


{#
  Whether a penalty is judged by a second regime, and by which rule of it, once its transition's day has come.
  One transition can be in force: what three regimes in a row mean for a subject nobody has decided yet.
#}
{% macro transition_in_force() -%}
  {%- set rows = read_rules('window_transitions', "effective_from <= " ~ business_date()) -%}
  {%- if rows | length > 1 -%}
    {% do exceptions.raise_compiler_error("two transitions are in force; penalty_windows() knows one") %}
  {%- endif -%}
  {{ return(rows[0] if rows else none) }}
{%- endmacro %}

{% macro has_transition() -%}
  {%- set row = transition_in_force() -%}
  {%- if row %}decision_date < date '{{ row.effective_from }}'{% else %}false{% endif -%}
{%- endmacro %}

{% macro transition_rule() -%}
  {%- set row = transition_in_force() -%}
  {%- if row %}case when {{ has_transition() }} then {{ window_rule(row.regime) }} end{% else %}cast(null as varchar){% endif -%}
{%- endmacro %}


{# rule_id of the list term that an entry of a dataset falls under. #}
{% macro list_term_rule(dataset) -%}
  case
  {%- for row in read_rules('list_terms', "dataset = '" ~ dataset ~ "'") %}
      when {{ in_force(row, business_date()) }}
      {%- if row.field %} and ({% for text in row.contains.split(';') -%}
          contains({{ row.field }}, '{{ text }}'){{ ' or ' if not loop.last }}
      {%- endfor %}){% endif %} then '{{ row.rule_id }}'
  {%- endfor %}
      when false then ''
  end
{%- endmacro %}


{# The public form of an identifier: left and right characters stay, the rest becomes stars. #}
{% macro masked(value, field) -%}
  {%- set rows = read_rules('masking', "list_contains(string_split(fields, ';'), '" ~ field ~ "') and " ~ holds_today()) -%}
  {%- if rows | length == 1 and rows[0].public_form == 'mask' -%}
  {%- set row = rows[0] -%}
  case
      when length({{ value }}) <= {{ row.keep_left + row.keep_right }} then {% if row.fill %}'{{ row.fill }}'{% else %}repeat('*', length({{ value }})){% endif %}
      else left({{ value }}, {{ row.keep_left }})
          || {% if row.fill %}'{{ row.fill }}'{% else %}repeat('*', length({{ value }}) - {{ row.keep_left + row.keep_right }}){% endif %}
          || right({{ value }}, {{ row.keep_right }})
  end
  {%- else -%}
  {#- no rule, a hiding one, or more than one: nothing is shown -#}
  cast(null as varchar)
  {%- endif -%}
{%- endmacro %}


{#
  Adds is_published, min_end, max_end and publication_rule_id to the rows of a CTE with window_rule_id,
  is_transition and transition_rule_id. A decision without a rule is not published. Judged by two regimes, a
  penalty is shown only if both show it, and each end is the earlier one. Visible while today < max_end.
  The same reading in Python, which the tests compare: creditlake/rules.py.
#}
{% macro penalty_windows(relation) -%}
  select
      judged.* exclude (first_published, next_published, first_min_end, first_max_end, next_min_end, next_max_end),
      first_published and (not is_judged_twice or next_published) as is_published,
      least(first_min_end, next_min_end) as min_end,
      least(first_max_end, next_max_end) as max_end,
      case
          when not is_judged_twice or not first_published then coalesce(window_rule_id, 'NO-RULE')
          when not next_published then coalesce(transition_rule_id, 'NO-RULE')
          when next_max_end < first_max_end then transition_rule_id
          else window_rule_id
      end as publication_rule_id
  from (
      select
          {{ relation }}.*,
          {{ relation }}.is_transition and {{ relation }}.window_rule_id is not null as is_judged_twice,
          coalesce(first_rule.is_published, false) as first_published,
          coalesce(next_rule.is_published, false) as next_published,
          cast(decision_date + to_months(first_rule.min_months) as date) as first_min_end,
          cast(decision_date + to_months(first_rule.max_months) as date) as first_max_end,
          cast(decision_date + to_months(next_rule.min_months) as date) as next_min_end,
          cast(decision_date + to_months(next_rule.max_months) as date) as next_max_end
      from {{ relation }}
      left join {{ source('platform', 'publication_windows') }} as first_rule
          on first_rule.rule_id = {{ relation }}.window_rule_id
      left join {{ source('platform', 'publication_windows') }} as next_rule
          on next_rule.rule_id
              = case when {{ relation }}.window_rule_id is not null then {{ relation }}.transition_rule_id end
  ) as judged
{%- endmacro %}
