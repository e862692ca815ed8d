"""A million codes from a seed: half valid, a quarter one edit away from valid, a quarter noise.

Codes are made as matrices of code points, with check digits computed a third way (numpy), so that neither
of the two implementations under test makes its own input.
"""

from collections.abc import Iterator

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Chars = NDArray[np.uint32]

USCC = "0123456789ABCDEFGHJKLMNPQRTUWXY"
ORG_WEIGHTS = np.array([3, 7, 9, 10, 5, 8, 4, 2])
EDITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZOOIIZZSSx*× -\u3000\u200bＯ０无.'E+"
NOISE = "00112233445566778899ABCDEXXOIZSM*.-+E xg 　无字号第０９Ａ×Х'/\u00a0\u200b𬭎"
SIZES = {"uscc": 400_000, "id_no": 200_000, "tax_id": 120_000, "org_code": 100_000, "reg_no": 80_000,
         "organisation": 40_000, "person": 40_000, "document": 20_000}  # fmt: skip
GENERATED_ROWS = sum(SIZES.values())


def points(alphabet: str) -> Chars:
    return np.array([ord(char) for char in alphabet], dtype=np.uint32)


def draw(rng: Generator, alphabet: str, rows: int, width: int) -> Chars:
    return rng.choice(points(alphabet), size=(rows, width))


def values(chars: Chars, alphabet: str) -> NDArray[np.int64]:
    table = np.zeros(128, dtype=np.int64)
    table[points(alphabet)] = np.arange(len(alphabet))
    return table[chars]


def make_org_codes(rng: Generator, rows: int) -> Chars:
    letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    body = draw(rng, letters, rows, 8)
    check = (11 - values(body, letters) @ ORG_WEIGHTS % 11) % 11
    return np.hstack([body, points("0123456789X")[check][:, None]])


def make_usccs(rng: Generator, rows: int) -> Chars:
    head = np.hstack([draw(rng, "123456789ANY", rows, 1), draw(rng, "0123456789", rows, 7)])
    body = np.hstack([head, draw(rng, USCC, rows, 9)])
    weights = np.array([pow(3, at, 31) for at in range(17)])
    check = (31 - values(body, USCC) @ weights % 31) % 31
    return np.hstack([body, points(USCC)[check][:, None]])


def make_reg_nos(rng: Generator, rows: int) -> Chars:
    body = draw(rng, "0123456789", rows, 14)
    product = np.full(rows, 10)
    for at in range(14):
        total = (product + values(body, "0123456789")[:, at]) % 10
        product = np.where(total == 0, 10, total) * 2 % 11
    return np.hstack([body, points("0123456789")[(11 - product) % 10][:, None]])


def as_digits(numbers: NDArray[np.int64], width: int) -> Chars:
    powers = 10 ** np.arange(width - 1, -1, -1)
    return (numbers[:, None] // powers % 10 + ord("0")).astype(np.uint32)


def make_resident_ids(rng: Generator, rows: int) -> Chars:
    days = rng.integers(
        np.datetime64("1880-01-01").astype(int), np.datetime64("2026-01-01").astype(int), rows
    )
    dates = days.astype("datetime64[D]")
    years = dates.astype("datetime64[Y]").astype(int) + 1970
    months = dates.astype("datetime64[M]").astype(int) % 12 + 1
    day = (dates - dates.astype("datetime64[M]")).astype(int) + 1
    born = as_digits(years * 10_000 + months * 100 + day, 8)
    body = np.hstack([draw(rng, "0123456789", rows, 6), born, draw(rng, "0123456789", rows, 3)])
    weights = np.array([7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2])
    check = values(body, "0123456789") @ weights % 11
    return np.hstack([body, points("10X98765432")[check][:, None]])


def shorten_resident_ids(codes: Chars) -> Chars:
    """Return the 15-digit forms (1900 to 1999 only)."""
    twentieth = (codes[:, 6] == ord("1")) & (codes[:, 7] == ord("9"))
    return np.delete(codes[twentieth], [6, 7, 17], axis=1)


def make_mixed(rng: Generator, rows: int, *parts: Chars) -> Chars:
    """Stack parts of different widths (the rest is NUL, which numpy drops) and draw rows from them."""
    width = max(part.shape[1] for part in parts)
    stacked = np.vstack([np.pad(part, ((0, 0), (0, width - part.shape[1]))) for part in parts])
    return stacked[rng.integers(0, len(stacked), rows)]


def make_valid(kind: str, rng: Generator, rows: int) -> Chars:
    resident = make_resident_ids(rng, rows)
    match kind:
        case "uscc":
            return make_usccs(rng, rows)
        case "org_code":
            return make_org_codes(rng, rows)
        case "reg_no":
            return make_reg_nos(rng, rows)
        case "tax_id":
            by_division = np.hstack([draw(rng, "0123456789", rows, 6), make_org_codes(rng, rows)])
            suffixed = np.hstack([resident, draw(rng, "0123456789", rows, 2)])
            old = shorten_resident_ids(resident)
            old = np.hstack([old, draw(rng, "0123456789", len(old), 2)])
            return make_mixed(rng, rows, by_division, make_usccs(rng, rows), resident, suffixed, old)
        case "organisation":
            return make_mixed(rng, rows, make_usccs(rng, rows), make_org_codes(rng, rows))
        case "document":
            return np.hstack([draw(rng, "EGHM", rows, 1), draw(rng, "0123456789", rows, 8)])
        case _:
            return make_mixed(rng, rows, resident, shorten_resident_ids(resident))


def edit(rng: Generator, codes: Chars) -> Chars:
    """Replace one character or, in every third row, swap it with its neighbour."""
    edited = codes.copy()
    rows = np.arange(len(codes))
    lengths = (codes != 0).sum(axis=1)
    at = rng.integers(0, lengths - 1)
    swapped = rows % 3 == 0
    edited[rows[~swapped], at[~swapped]] = rng.choice(points(EDITS), size=int((~swapped).sum()))
    edited[rows[swapped], at[swapped]] = codes[rows[swapped], at[swapped] + 1]
    edited[rows[swapped], at[swapped] + 1] = codes[rows[swapped], at[swapped]]
    return edited


def make_noise(rng: Generator, rows: int, width: int = 20) -> Chars:
    """Random texts of 0 to `width` characters; every tenth a form that has a status of its own."""
    noise = draw(rng, NOISE, rows, width)
    noise[np.arange(width)[None, :] >= rng.integers(0, width + 1, rows)[:, None]] = 0
    special = ["00000000000000000X", "000000000000000", "9.14403E+17", "暂无", "null", "913302******531452",
               "990000199003070000", "990000199003XXXX13", "无", "企合粤深总字第109876号"]  # fmt: skip
    for at, text in enumerate(special):
        noise[at :: 10 * len(special)] = np.pad(points(text), (0, width - len(text)))
    return noise


def as_text(codes: Chars) -> list[str]:
    return np.ascontiguousarray(codes).view(f"U{codes.shape[1]}")[:, 0].tolist()


def generate_codes(seed: int) -> Iterator[tuple[str, list[str]]]:
    """Yield each kind with its codes; the same seed gives the same codes."""
    rng = np.random.default_rng(seed)
    for kind, rows in SIZES.items():
        valid = make_valid(kind, rng, rows // 2 + rows // 4)
        yield (
            kind,
            [
                *as_text(valid[: rows // 2]),
                *as_text(edit(rng, valid[rows // 2 :])),
                *as_text(make_noise(rng, rows - rows // 2 - rows // 4)),
            ],
        )
