"""The demo's page speaks Chinese about every outcome that the models know."""

import re

from creditlake.demo.report import PUBLICATION
from creditlake.settings import REPOSITORY

REASON = re.compile(r"""then '([a-z_]+)'\n|"[^"\n]+", '([a-z_]+)'\)""")
# Of these words the state macros make something else: a record's own state, or a column.
NOT_A_REASON = {"active", "corrected", "list_terms"}


def test_every_reason_why_a_record_is_not_public_has_its_words() -> None:
    sources = [REPOSITORY / "dbt_project/macros/states.sql"]
    sources += sorted((REPOSITORY / "dbt_project/models/intermediate").glob("int_*__stated.sql"))
    macro = sources[0].read_text().split("{% macro hidden_reason")[1].split("endmacro")[0]
    texts = [macro, *(path.read_text() for path in sources[1:])]
    reasons = {first or second for text in texts for first, second in REASON.findall(text)} - NOT_A_REASON
    assert {"held", "unlinked", "not_published_kind", "unknown_age"} <= reasons
    assert reasons - set(PUBLICATION) == set()
