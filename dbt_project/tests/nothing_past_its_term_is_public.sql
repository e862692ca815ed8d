select record_id from {{ ref('pub_penalty') }} where publication_end_date <= {{ business_date() }}
union all
select record_id from {{ ref('pub_licence') }} where valid_to < {{ business_date() }}
union all
select record_id from {{ ref('pub_list_current') }} where term_end_date <= {{ business_date() }}
