{#
  What catalog/rules/redaction.yml blots out of public text, and besides everything that the gate would call a
  personal number: `plain_runs`, `grouped_runs`, `number_kind` and the checks are the gate's own functions
  (creditlake/gate/patterns.py), which the build puts into the database.
#}

{# Text in which a personal number may stand; most texts end here. #}
{% macro may_hold_number(column) -%}
  regexp_matches({{ column }}, '[0-9０-９][0-9０-９ 　－-]{10}')
{%- endmacro %}


{# What a run of digits is replaced by, null to leave it. The first rule that fits decides. #}
{% macro run_replacement(run) -%}
  {%- set rows = read_rules('redaction', 'not keep_prefix and ' ~ holds_today()) -%}
  {%- set kinds = {'resident_id': 'resident_id', 'phone': 'mobile', 'bank_account': 'card'} -%}
  coalesce(
      case
      {%- for row in rows %}
          when regexp_full_match({{ run }}, '{{ row.pattern }}')
          {%- if row.checked == 'resident_id' %} and (id18_ok(upper({{ run }})) or id15_ok({{ run }})){% endif %}
          {%- if row.checked == 'luhn' %} and luhn_ok({{ run }}){% endif %} then '{{ row.replacement }}'
      {%- endfor %}
          when false then ''
      end,
      case number_kind(regexp_replace({{ run }}, '[ -]', '', 'g'))
      {%- for row in rows if row.element in kinds %}
          when '{{ kinds[row.element] }}' then '{{ row.replacement }}'
      {%- endfor %}
          when 'resident_id' then '***'
          when 'mobile' then '***'
          when 'card' then '***'
      end
  )
{%- endmacro %}


{# Names of third persons after the word that introduces them, in the fields that the rule names. #}
{% macro redact_parties(text, field) -%}
  {%- set rows = read_rules(
      'redaction', "keep_prefix and list_contains(string_split(fields, ';'), '" ~ field ~ "') and " ~ holds_today()
  ) -%}
  {%- for row in rows %}regexp_replace({% endfor -%}
  {{ text }}
  {%- for row in rows %}, '{{ row.pattern }}', '\1{{ row.replacement }}', 'g'){% endfor -%}
{%- endmacro %}


{# One row per row_key with the public text of some fields; null where the delivered text stays. #}
{% macro public_texts(dataset, columns) -%}
  select
      row_key{% for column in columns %},
      max(public_text) filter (field = '{{ column }}') as {{ column }}{% endfor %}
  from {{ ref('int_texts__redacted') }}
  where dataset = '{{ dataset }}'
  group by row_key
{%- endmacro %}
