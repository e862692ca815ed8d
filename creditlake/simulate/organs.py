"""The organs of the city: bureaus of market supervision and approval, courts and tax offices, city
first, then counties.

The city-level organs are those of catalog/departments.yml; a county's organ has the body number
`<department><county>` in its organisation code.
"""

import duckdb

from creditlake.simulate.words import Words

SYSTEMS = {  # system: (body number of the city's organ, what follows the county's name)
    "market": (1, "市场监督管理局"),
    "approval": (2, "行政审批局"),
    "court": (4, "人民法院"),
    "tax": (5, "税务局"),
}
CREDIT_OFFICE = (6, "信用办")


def with_organs(words: Words, connection: duckdb.DuckDBPyConnection) -> Words:
    """Return the words with lists `organs.<system>_name`, `_uscc` and `_short`; needs the macros of
    `codes.py`."""
    lists = dict(words.lists)
    city, counties = lists["places.city"][0], lists["places.county_prefixes"]
    for system, (department, suffix) in SYSTEMS.items():
        names = [f"{city}{county}{suffix}" for county in counties]
        if system == "court":
            names[0] = f"{city}中级{suffix}"
        if system == "tax":
            names = [f"国家税务总局{name}" for name in names]
        bodies = [f"{department:08d}"] + [
            f"{department * 100 + county:08d}" for county in range(1, len(counties))
        ]
        lists[f"organs.{system}_name"] = tuple(names)
        lists[f"organs.{system}_uscc"] = tuple(
            organ_uscc(connection, county, body) for county, body in enumerate(bodies)
        )
        lists[f"organs.{system}_short"] = tuple(name[:1] for name in lists["places.county_shorts"])
    return Words(lists)


def organ_uscc(connection: duckdb.DuckDBPyConnection, county: int, body: str) -> str:
    """Code of an organ (prefix 11) of a county."""
    row = connection.execute(
        "select head || uscc_check(head) from (select '1199000' || $county || $body || org_check($body) "
        "as head)",
        {"county": str(county), "body": body},
    ).fetchone()
    assert row is not None  # a select without from has one row
    return str(row[0])
