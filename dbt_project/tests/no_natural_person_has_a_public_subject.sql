-- Natural persons are in no public table but the lists whose law orders it, and there without subject_id,
-- full number or the way to an archive.
select record_id from {{ ref('pub_penalty') }} where subject_id not like 'L%' or counterpart_class = 'NATURAL'
union all
select record_id from {{ ref('pub_licence') }} where subject_id not like 'L%' or counterpart_class = 'NATURAL'
union all
select record_id from {{ ref('pub_subject') }} where subject_id not like 'L%'
union all
select record_id from {{ ref('pub_list_current') }}
where party_type = 'PERSON' and (subject_id is not null or organisation_code is not null or age < 18)
