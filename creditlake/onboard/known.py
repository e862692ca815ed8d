"""Headers that the catalogue already knows: the same concept keeps its field code, type and code list."""

import re
from collections import Counter
from dataclasses import dataclass

from creditlake.catalog import Catalog
from creditlake.contract import FieldContract
from creditlake.decode.headers import level_header

BRACKETED = re.compile(r"\([^()]*\)$")


@dataclass(frozen=True)
class KnownField:
    """A field of an existing contract that a header means."""

    dataset: str
    code: str
    field: FieldContract


class KnownHeaders:
    """Levelled header → the fields it stands for in existing contracts."""

    def __init__(self, catalog: Catalog) -> None:
        self._fields: dict[str, list[KnownField]] = {}
        for contract in catalog.contracts.values():
            for code, field in contract.fields.items():
                for text in {level_header(t) for t in (field.source_name, *field.aliases, field.title)}:
                    self._fields.setdefault(text, []).append(KnownField(contract.name, code, field))

    @property
    def headers(self) -> frozenset[str]:
        """Every levelled header."""
        return frozenset(self._fields)

    def find(self, header: str, department: str) -> list[KnownField]:
        """Return what a header means, best first: the code most contracts use, then the department's own.

        What stands in brackets is no part of the meaning, but a unit is: 罚款金额(元) is not in 万元.
        """
        found = self._fields.get(header)
        if found is None and not header.endswith(("元)", "%)")):
            found = self._fields.get(BRACKETED.sub("", header))
        votes = Counter(known.code for known in found or ())
        return sorted(
            found or (),
            key=lambda known: (
                -votes[known.code],
                known.code,
                not known.dataset.startswith(f"{department}."),
                known.dataset,
            ),
        )
