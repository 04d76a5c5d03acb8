"""Decides what a form's code looks like, and what is wrong with one that was typed. Pure.

A code is seven random characters and one that checks them; it says nothing of anybody. The check is that of the pure
systems of ISO/IEC 7064 with other numbers: the sum of each character's value times 2 to the power of its place is 0
modulo 29. As 29 is prime and the powers of 2 below the 28th differ modulo it, every single wrong character and every
swap of two characters, neighbours or not, is noticed. Defined in docs/runbooks/forms.md ("The code").
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from string import ascii_lowercase

ALPHABET = "23456789BCDEFGHJKMNPQRSTVWXYZ"
"""No 0, O, 1, I, L, which look alike; no A and U, so that a code hardly ever spells a word. 29 characters."""
CODE_CHARS = 8
SEED_BYTES = 16
_GROUP = 4
_CAPITALS = {
    **{ord(sign): None for sign in " -\u2010\u2011\u2013\t"},
    **{ord(char): char.upper() for char in ascii_lowercase},
}
_WEIGHTS = tuple(pow(2, CODE_CHARS - 1 - place, len(ALPHABET)) for place in range(CODE_CHARS))


class Slip(StrEnum):
    """What can be wrong with a code before anybody looks for it."""

    EMPTY = "empty"
    CHARACTER = "character"
    LENGTH = "length"
    CHECK = "check"


@dataclass(frozen=True)
class Slipped:
    """What is wrong: `place` counts from 1, and is 0 where it cannot be known; `got` is what stands there."""

    slip: Slip
    place: int = 0
    got: str = ""


@dataclass(frozen=True)
class Near:
    """A code that differs by one slip of the hand: at one place, or by a swap of that place and the next one."""

    code: str
    place: int
    is_swap: bool


def make_code(seed: bytes) -> str:
    """Make a code of at least `SEED_BYTES` random bytes; raise `ValueError` for fewer."""
    if len(seed) < SEED_BYTES:
        raise ValueError(f"seed: expected {SEED_BYTES} bytes or more, got {len(seed)}")
    number = int.from_bytes(seed)
    body = ""
    for _ in range(CODE_CHARS - 1):
        number, value = divmod(number, len(ALPHABET))
        body += ALPHABET[value]
    return body + ALPHABET[-_sum(body) % len(ALPHABET)]  # the last weight is 1


def spell_code(code: str) -> str:
    """Write a code as it stands on paper: in two groups."""
    return f"{code[:_GROUP]}-{code[_GROUP:]}"


def read_code(text: str) -> str | Slipped:
    """Read what was typed or scanned: small letters, blanks and dashes do not matter. Tell what is wrong with it."""
    bare = text.strip().translate(_CAPITALS)
    if not bare:
        return Slipped(Slip.EMPTY)
    for place, char in enumerate(bare, start=1):
        if char not in ALPHABET:
            return Slipped(Slip.CHARACTER, place, char)
    if len(bare) != CODE_CHARS:
        return Slipped(Slip.LENGTH, got=str(len(bare)))
    return Slipped(Slip.CHECK, got=bare) if _sum(bare) % len(ALPHABET) else bare


def near_codes(typed: str) -> Iterator[Near]:
    """Give the right codes that are one slip away from a wrong one of the right length: at most one for each place."""
    for place in range(CODE_CHARS):
        for char in ALPHABET:
            found = typed[:place] + char + typed[place + 1 :]
            if char != typed[place] and not _sum(found) % len(ALPHABET):
                yield Near(found, place + 1, is_swap=False)
    for place in range(CODE_CHARS - 1):
        found = typed[:place] + typed[place + 1] + typed[place] + typed[place + 2 :]
        if found != typed and not _sum(found) % len(ALPHABET):
            yield Near(found, place + 1, is_swap=True)


def _sum(chars: str) -> int:
    return sum(ALPHABET.index(char) * weight for char, weight in zip(chars, _WEIGHTS, strict=False))
