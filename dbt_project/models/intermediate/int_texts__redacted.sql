{#- Fields of free or loose text that a public table shows; a number in any other column is held by its type. -#}
{%- set texts = [
    ('market_regulation.penalty_decision', 'stg_market_regulation__penalty_decisions', 'int_penalties__stated', [
        'violation_type', 'violation_facts', 'penalty_basis', 'penalty_content', 'revoked_licence',
        'institution_cert_no', 'social_org_cert_no',
    ]),
    ('administrative_approval.licence_decision', 'stg_administrative_approval__licence_decisions', 'int_licences__stated', [
        'licence_content', 'document_name', 'certificate_name', 'certificate_no', 'institution_cert_no',
        'social_org_cert_no',
    ]),
    ('court.judgment_defaulter', 'stg_court__judgment_defaulters', 'int_defaulters__stated', [
        'obligation', 'performed_part', 'unperformed_part', 'behaviour',
    ]),
    ('market_regulation.entity_register', 'stg_market_regulation__registered_entities', 'int_registered_entities__stated', [
        'business_scope', 'address',
    ]),
] -%}
with

{% for dataset, staging, stated, columns in texts %}
{{ stated }}_shown as (select row_key from {{ ref(stated) }} where hidden_reason is null),

{% endfor %}
suspicious as (

{% for dataset, staging, stated, columns in texts %}
{% set last_dataset = loop.last %}
{% for column in columns %}
    select '{{ dataset }}' as dataset, row_key, '{{ column }}' as field, {{ column }} as delivered_text
    from {{ ref(staging) }}
    semi join {{ stated }}_shown using (row_key)
    where {{ may_hold_number(column) }}
{% if not (loop.last and last_dataset) %}    union all
{% endif %}
{% endfor %}
{% endfor %}

),

runs as (

    select
        dataset, row_key, field,
        unnest(list_distinct(list_concat(plain_runs(folded(delivered_text)), grouped_runs(folded(delivered_text))))) as run
    from suspicious

),

replaced as (select *, {{ run_replacement('run') }} as replacement from runs),

-- Longer runs first, so that a number inside another does not spoil it.
replacements as (

    select
        dataset, row_key, field,
        list(struct_pack(found := run, shown := replacement) order by length(run) desc, run) as replacements
    from replaced
    where replacement is not null
    group by dataset, row_key, field

),

once_redacted as (

    select
        suspicious.dataset, suspicious.row_key, suspicious.field,
        replace_all(folded(suspicious.delivered_text), replacements.replacements) as public_text
    from suspicious
    inner join replacements
        on replacements.dataset = suspicious.dataset
        and replacements.row_key = suspicious.row_key
        and replacements.field = suspicious.field

),

-- Digits left beside a number that was blotted out may read as another one: then no long run of digits stays.
without_numbers as (

    select
        dataset, row_key, field,
        case
            when personal_kind(public_text) is null then public_text
            else regexp_replace(public_text, '[0-9][0-9 -]{3,}[0-9Xx]', '（号码已遮盖）', 'g')
        end as public_text
    from once_redacted

),

{% set naming = ['obligation', 'performed_part', 'unperformed_part'] %}
party_texts as (

{% for column in naming %}
    select
        'court.judgment_defaulter' as dataset, defaulters.row_key, '{{ column }}' as field,
        defaulters.{{ column }} as delivered_text,
        {{ redact_parties("coalesce(without_numbers.public_text, defaulters." ~ column ~ ")", 'court.judgment_defaulter.' ~ column) }}
            as public_text
    from {{ ref('stg_court__judgment_defaulters') }} as defaulters
    semi join int_defaulters__stated_shown on int_defaulters__stated_shown.row_key = defaulters.row_key
    left join without_numbers
        on without_numbers.row_key = defaulters.row_key
        and without_numbers.dataset = 'court.judgment_defaulter'
        and without_numbers.field = '{{ column }}'
{% if not loop.last %}    union all
{% endif %}
{% endfor %}

)

select
    ---------- ids
    dataset,
    row_key,

    ---------- text
    field,
    public_text

from without_numbers
where not (dataset = 'court.judgment_defaulter' and field in ({% for column in naming %}'{{ column }}'{{ ', ' if not loop.last }}{% endfor %}))
union all
select dataset, row_key, field, public_text
from party_texts
where public_text is distinct from delivered_text
