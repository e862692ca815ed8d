{#
  The columns name one row, and neither they nor the `required` ones are null. One query per model instead of
  one per column: a dbt test costs more than what it reads.
#}
{% test grain(model, columns, required=[]) %}
select 'key' as broken, count(*) as row_count
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1
union all
select 'null' as broken, 1 as row_count
from {{ model }}
where {% for column in columns + required %}{{ column }} is null{{ ' or ' if not loop.last }}{% endfor %}
{% endtest %}


{% test filled(model, columns) %}
select 1 as broken
from {{ model }}
where {% for column in columns %}{{ column }} is null{{ ' or ' if not loop.last }}{% endfor %}
{% endtest %}
