"""Seeded draws as DuckDB expressions.

Every value is a function of (seed, purpose, key): rows can be made in any order, in chunks and again, and
come out the same. The purpose is turned into a random 64-bit salt and mixed into the key before hashing;
hashing (key, purpose) as two columns would not do, because DuckDB combines them by a plain xor and two
purposes of one row would then be correlated.
"""

import hashlib
from dataclasses import dataclass

PARTS = 1_000_000  # resolution of a share


@dataclass(frozen=True)
class Draws:
    """Expressions of one seed; `key` is SQL for a non-negative integer that names the drawn thing."""

    seed: int

    def raw(self, purpose: str, key: str = "i") -> str:
        """SQL: 64 random bits."""
        salt = hashlib.blake2b(f"{self.seed}:{purpose}".encode(), digest_size=8).digest()
        return f"hash(xor(({key})::ubigint, {int.from_bytes(salt)}::ubigint))"

    def below(self, purpose: str, limit: int | str, key: str = "i") -> str:
        """SQL: an integer from 0 to limit - 1; `limit` may be SQL for a positive integer."""
        return f"({self.raw(purpose, key)} % ({limit})::ubigint)::bigint"

    def unit(self, purpose: str, key: str = "i") -> str:
        """SQL: a fraction of at least 0 and below 1, in steps of a millionth."""
        return f"(({self.raw(purpose, key)} % {PARTS})::double / {PARTS})"

    def chance(self, purpose: str, share: float, key: str = "i") -> str:
        """SQL: true for this share of the keys."""
        return f"(({self.raw(purpose, key)} % {PARTS}) < {round(share * PARTS)})"

    def spread(self, purpose: str, limit: int | str, popular: float, key: str = "i") -> str:
        """SQL: an integer below `limit`; the share `popular` of the keys falls on small numbers by a
        square law."""
        unit = self.unit(purpose, key)
        skewed = self.chance(f"{purpose}:popular", popular, key)
        return f"floor(({limit}) * {unit} * case when {skewed} then {unit} else 1 end)::bigint"

    def classify(self, purpose: str, shares: dict[str, float], otherwise: str, key: str = "i") -> str:
        """SQL: one of the names of `shares`, each for its share of the keys, else `otherwise`."""
        draw = f"({self.raw(purpose, key)} % {PARTS})"
        limit, branches = 0, []
        for name, share in shares.items():
            limit += round(share * PARTS)
            branches.append(f"when {draw} < {limit} then '{name}'")
        if limit > PARTS:
            raise ValueError(f"the shares of {purpose} add up to more than one")
        return f"case {' '.join(branches)} else '{otherwise}' end" if branches else f"'{otherwise}'"
