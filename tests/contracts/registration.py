"""What contracts of registers, market supervision lists and other acts must say (domain.md §3.3 to §3.6)."""

# What the public may see, field by field.
PUBLISHED = {
    "administrative_approval.other_act": "",
    "civil_affairs.social_organisation_register": (
        "uscc ent_name social_org_class social_org_cert_no legal_rep_name address "
        "division_code reg_capital_cny business_scope established_date valid_from valid_to "
        "reg_org reg_state"
    ),
    "establishment_office.institution_register": (
        "uscc ent_name institution_class institution_cert_no legal_rep_name address "
        "division_code established_date valid_from valid_to reg_org reg_state"
    ),
    "market_regulation.abnormal_list": (
        "ent_name uscc reg_no in_reason_code in_reason in_date in_org_name out_reason_code "
        "out_reason out_date out_org_name"
    ),
    "market_regulation.entity_branch": "",
    "market_regulation.entity_cancellation": "",
    "market_regulation.entity_person": "uscc ent_name person_name position_code position_name",
    "market_regulation.entity_revocation": "",
    "market_regulation.entity_shareholder": "",
    "market_regulation.individual_mark": "",
    "market_regulation.serious_list": (
        "counterpart_name counterpart_class uscc reg_no in_reason in_date in_org_name "
        "out_reason out_date out_org_name city_name county_name"
    ),
}

# What every row must fill.
REQUIRED = {
    "administrative_approval.other_act": (
        "act_type act_name decision_no counterpart_name counterpart_class act_content "
        "act_basis decision_date decision_org_name decision_org_uscc source_org_name "
        "source_org_uscc access_level"
    ),
    "civil_affairs.social_organisation_register": (
        "uscc ent_name social_org_class legal_rep_name address reg_org reg_state"
    ),
    "establishment_office.institution_register": (
        "uscc ent_name institution_class legal_rep_name address reg_org reg_state"
    ),
    "market_regulation.abnormal_list": "abn_id pripid ent_name in_date in_org_name",
    "market_regulation.entity_branch": "pripid ent_name branch_seq branch_name",
    "market_regulation.entity_cancellation": "pripid ent_name cancelled_date reg_org",
    "market_regulation.entity_person": "pripid ent_name person_seq person_name position_name id_type id_no",
    "market_regulation.entity_revocation": "pripid ent_name decision_no revoked_date decision_org_name",
    "market_regulation.entity_shareholder": (
        "pripid ent_name shareholder_seq shareholder_name shareholder_class"
    ),
    "market_regulation.individual_mark": "mark_id ent_name mark_date is_recovered",
    "market_regulation.serious_list": (
        "ill_id counterpart_name counterpart_class in_reason in_date in_org_name"
    ),
}

# kind, format, encoding, delimiter, row of the header
SHAPES = {
    "administrative_approval.other_act": ("increment", "xlsx", "utf-8", ",", 3),
    "civil_affairs.social_organisation_register": ("full_snapshot", "csv", "utf-8-sig", ",", 1),
    "establishment_office.institution_register": ("full_snapshot", "xlsx", "utf-8", ",", 2),
    "market_regulation.abnormal_list": ("increment", "csv", "gb18030", ",", 1),
    "market_regulation.entity_branch": ("full_snapshot", "xlsx", "utf-8", ",", 2),
    "market_regulation.entity_cancellation": ("increment", "jsonl", "utf-8", ",", 1),
    "market_regulation.entity_person": ("full_snapshot", "csv", "gb18030", "^", 1),
    "market_regulation.entity_revocation": ("increment", "csv", "utf-8-sig", ",", 1),
    "market_regulation.entity_shareholder": ("full_snapshot", "csv", "utf-8", "|", 1),
    "market_regulation.individual_mark": ("increment", "jsonl", "utf-8", ",", 1),
    "market_regulation.serious_list": ("full_snapshot", "xlsx", "utf-8", ",", 3),
}

# Fields that arrive in ten thousands.
SCALED = {
    "administrative_approval.other_act.amount_cny": 10000,
    "civil_affairs.social_organisation_register.reg_capital_cny": 10000,
    "market_regulation.entity_shareholder.subscribed_cny": 10000,
    "market_regulation.entity_shareholder.paid_cny": 10000,
}
