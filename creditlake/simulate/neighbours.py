"""Subjects that are hard to tell apart, planted in pairs among the ordinary ones.

Enterprises: siblings (two registered codes two characters apart), numbers issued twice, a name given up by
one and taken by the other. Persons: twins, born the same day in the same division, with one surname, names
that differ in one character and consecutive numbers. A pair is two places of one block, so that the register
shows both from the same day on; draws are a stream of their own, all other subjects stay what they were.

Column `hard_case` of the two tables of subjects names the case, null for ordinary ones; `neighbour_code` is
the other's number, where the numbers are neighbours.
"""

import duckdb

from creditlake.simulate.draws import Draws
from creditlake.simulate.rates import Rates

FIRST_PAIRED_PLACE = 12  # of a legal block: companies, behind the two that branches are named after
# A character eleven places on in the alphabet of GB 11714: the organisation code's check character stays.
BEFORE, ELEVEN_ON = "012345689ABCEFGJLMN", "BCDEFGHJKLMNPQRUWXY"
HIGHEST_SEQUENCE = 994
COMMON_TWIN_FIELDS = ("county", "birth_date", "home")


def plant_twins(connection: duckdb.DuckDBPyConnection, draws: Draws, rates: Rates, block: int) -> None:
    """Make the second of some pairs of adults the first one's twin."""
    connection.execute("alter table natural_person add column hard_case varchar")
    connection.execute("alter table natural_person add column neighbour_code varchar")
    chosen = draws.chance("neighbour:twins", rates.registers.twins, "f.person")
    connection.execute(f"""
    create or replace temp table twin as
    with born as (
        select f.*, s.person as second, left(f.person_name, length(f.person_name) - 1)
                || right(s.person_name, 1) as second_name,
            left(f.id_no, 14) || lpad((substr(f.id_no, 15, 3)::int + 1)::varchar, 3, '0') as body
        from natural_person f join natural_person s on s.person = f.person + 1
        where f.in_register and f.person % 2 = 0 and f.person % {block} < {block - 2} and {chosen}
            and substr(f.id_no, 15, 3)::int < {HIGHEST_SEQUENCE}
            and right(f.person_name, 1) <> right(s.person_name, 1)
    )
    select b.*, body || id_check(body) as second_id from born b
    where body || id_check(body) not in (select n.id_no from natural_person n)
    """)
    shared = ", ".join(f"{name} = t.{name}" for name in COMMON_TWIN_FIELDS)
    connection.execute(
        "update natural_person p set hard_case = 'twin', neighbour_code = t.id_no, id_no = t.second_id, "
        f"person_name = t.second_name, is_male = not t.is_male, {shared} from twin t "
        "where p.person = t.second"
    )
    connection.execute(
        "update natural_person p set hard_case = 'twin', neighbour_code = t.second_id from twin t "
        "where p.person = t.person"
    )


def plant_legal_pairs(connection: duckdb.DuckDBPyConnection, draws: Draws, rates: Rates, block: int) -> None:
    """Draw the pairs of enterprises; make the siblings and issue numbers twice."""
    connection.execute("alter table legal_entity add column hard_case varchar")
    connection.execute("alter table legal_entity add column neighbour_code varchar")
    registers = rates.registers
    shares = {
        "sibling": registers.siblings,
        "code_twice": registers.code_twice,
        "number_twice": registers.number_twice,
        "recycled_name": registers.recycled_name,
    }
    connection.execute(f"""
    create or replace temp table legal_pair as
    select f.*, s.entity as second, s.is_older as second_is_older, s.former_name as second_former,
        {draws.classify("neighbour:pair", shares, "none", "f.entity")} as pair_case
    from legal_entity f join legal_entity s on s.entity = f.entity + 1
    where f.in_register and f.entity % 2 = 0 and f.entity % {block} >= {FIRST_PAIRED_PLACE}
    """)
    connection.execute(siblings_sql())
    connection.execute(
        "update legal_entity e set hard_case = 'sibling', neighbour_code = s.uscc, county = s.county, "
        "uscc = s.second_uscc, org_code = s.second_org from sibling s where e.entity = s.second"
    )
    connection.execute(
        "update legal_entity e set hard_case = 'sibling', neighbour_code = s.second_uscc from sibling s "
        "where e.entity = s.entity"
    )
    connection.execute(
        "update legal_entity e set county = p.county, uscc = p.uscc, org_code = p.org_code, "
        "tax_id = case when e.is_older then '99000' || p.county || p.org_code end "
        "from legal_pair p where e.entity = p.second and p.pair_case = 'code_twice'"
    )
    connection.execute(
        "update legal_entity e set reg_no = p.reg_no from legal_pair p "
        "where e.entity = p.second and p.pair_case = 'number_twice' and p.reg_no is not null"
    )
    mark_pairs(
        connection,
        "select entity, second, pair_case from legal_pair where pair_case = 'code_twice' "
        "or (pair_case = 'number_twice' and reg_no is not null)",
    )


def siblings_sql() -> str:
    """SQL of `sibling`: codes that differ in the last character of the organisation's number and, therefore,
    in the check character of the whole."""
    last = "substr(org_code, 8, 1)"
    return f"""
    create or replace temp table sibling as
    with near as (
        select *, left(org_code, 7) || translate({last}, '{BEFORE}', '{ELEVEN_ON}') || right(org_code, 1)
            as second_org
        from legal_pair
        where pair_case = 'sibling' and not is_older and not second_is_older
            and strpos('{BEFORE}', {last}) > 0
    )
    select *, left(uscc, 8) || second_org || uscc_check(left(uscc, 8) || second_org) as second_uscc from near
    where second_org not in (select e.org_code from legal_entity e)
    """


def recycle_names(connection: duckdb.DuckDBPyConnection) -> None:
    """Let the second of a pair bear the name that the first gave up, once former names are settled."""
    connection.execute(
        "create or replace temp table recycled as select p.entity, p.second, e.former_name "
        "from legal_pair p join legal_entity e on e.entity = p.entity "
        "where p.pair_case = 'recycled_name' and e.former_name is not null and p.second_former is null"
    )
    connection.execute(
        "update legal_entity e set name = r.former_name from recycled r where e.entity = r.second"
    )
    mark_pairs(connection, "select entity, second, 'recycled_name' as pair_case from recycled")


def mark_pairs(connection: duckdb.DuckDBPyConnection, pairs: str) -> None:
    """Name the case of both subjects of each pair; `pairs` is SQL of entity, second, pair_case."""
    for place in ("entity", "second"):
        connection.execute(
            f"update legal_entity e set hard_case = p.pair_case from ({pairs}) p where e.entity = p.{place}"
        )
