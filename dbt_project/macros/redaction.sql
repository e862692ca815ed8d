{#
  Functions of the private database, made before the first model. `number_runs`, `number_kind` and the checks
  behind them are the gate's own (creditlake/gate/patterns.py), put there by the build: what the gate would call
  a personal number is blotted out here, also where the patterns of catalog/rules/redaction.yml are narrower.
#}
{% macro create_functions() -%}
{%- set rows = read_rules('redaction', 'effective_from <= ' ~ business_date()) -%}
create or replace macro blot_out(text, found, replacement) as
    list_reduce(list_prepend(text, found), lambda shown, number: replace(shown, number, replacement));
{% for row in rows if not row.keep_prefix %}
create or replace macro redact_rule_{{ loop.index }}(text) as blot_out(
    text,
    list_filter(
        regexp_extract_all(text, '[0-9A-Za-z]{11,}'),
        lambda run: regexp_full_match(run, '{{ row.pattern }}')
        {%- if row.checked == 'resident_id' %} and (id18_ok(upper(run)) or id15_ok(run)){% endif %}
        {%- if row.checked == 'luhn' %} and luhn_ok(run){% endif %}
    ),
    '{{ row.replacement }}'
);
{% endfor %}
create or replace macro replacement_of(kind) as case kind
{%- for row in rows if row.element in ('resident_id', 'phone', 'bank_account') and not row.keep_prefix %}
    when '{{ {"resident_id": "resident_id", "phone": "mobile", "bank_account": "card"}[row.element] }}' then '{{ row.replacement }}'
{%- endfor %}
    else '***' end;
create or replace macro sweep(text) as list_reduce(
    list_prepend(
        text,
        list_filter(
            list_concat(plain_runs(text), grouped_runs(text)),
            lambda run: number_kind(regexp_replace(run, '[ -]', '', 'g')) is not null
        )
    ),
    lambda shown, run: replace(shown, run, replacement_of(number_kind(regexp_replace(run, '[ -]', '', 'g'))))
);
create or replace macro redact_folded(text) as sweep(
    {% for row in rows if not row.keep_prefix %}redact_rule_{{ loop.length - loop.index + 1 }}({% endfor -%}
    text
    {%- for row in rows if not row.keep_prefix %}){% endfor -%}
);
create or replace macro redact_numbers(text) as case
    when text is null or not regexp_matches(text, '[0-9０-９][0-9０-９ 　－-]{10}') then text
    when redact_folded(folded(text)) = folded(text) then text
    else redact_folded(folded(text))
end;
create or replace macro redact_parties(text) as {# a macro has one body: the patterns nest #}
    {% for row in rows if row.keep_prefix %}regexp_replace({% endfor -%}
    text
    {%- for row in rows if row.keep_prefix %}, '{{ row.pattern }}', '\1{{ row.replacement }}', 'g'){% endfor -%}
;
{%- endmacro %}


{#
  Names of the columns whose public text differs from delivered_<column>; `||` of lists keeps them in order.
  `not … is not distinct from`: sqlfluff cannot read `is distinct from` inside a case.
#}
{% macro changed_fields(columns) -%}
  {% for column in columns -%}
  case when not ({{ column }} is not distinct from delivered_{{ column }}) then ['{{ column }}'] else cast([] as varchar[]) end
  {%- if not loop.last %} || {% endif %}
  {%- endfor %}
{%- endmacro %}
