{#
  Writes one mart as one sorted Parquet file of the candidate, then puts a view over that file, so that
  dbt's tests read the bytes that would be published. Configure `level` and a total `order_by`.
  dbt-duckdb's own `external` writes a phantom row for an empty model, and everything twice.
#}
{% materialization release, adapter="duckdb" %}
  {%- set level = config.require('level') -%}
  {%- set order_by = config.require('order_by') -%}
  {%- if var('candidate_folder') == '' -%}
    {% do exceptions.raise_compiler_error("candidate_folder is not set: marts are built by `creditlake build`, not by a bare dbt") %}
  {%- endif -%}
  {%- set file = var('candidate_folder') ~ '/' ~ level ~ '.' ~ this.identifier ~ '.parquet' -%}
  {%- set target_relation = this.incorporate(type='view') -%}

  {{ run_hooks(pre_hooks) }}
  {% call statement('main') -%}
    copy (
      select * from (
{{ compiled_code }}
      ) order by {{ order_by | join(', ') }}
    ) to '{{ file }}' (format parquet, compression zstd, row_group_size 122880)
  {%- endcall %}
  {% call statement('view') -%}
    create or replace view {{ target_relation }} as select * from read_parquet('{{ file }}')
  {%- endcall %}
  {{ run_hooks(post_hooks) }}
  {{ adapter.commit() }}
  {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}


{# A model's schema is the layer, or the access level of a mart; never prefixed by the target's. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
  {{ node.config.get('level') or custom_schema_name or target.schema }}
{%- endmacro %}
