"""The header in which a unit says what its release can that an earlier one could not, with its request for documents.

`Backrow-Abilities: omits_sound`: names of small letters, digits and underscores, with a comma and a space between. A
name that the reader does not know is passed over. Defined in docs/protocol/uploads.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum

from protocol.errors import ProtocolError

HEADER = "Backrow-Abilities"
MOST_CHARACTERS = 400
_FORM = re.compile(r"([a-z][a-z0-9_]{0,39}(, [a-z][a-z0-9_]{0,39})*)?")


class AbilitiesError(ProtocolError):
    """A header that names abilities is malformed."""


class Ability(StrEnum):
    """What a controller must know that a unit can before it goes by it."""

    OMITS_SOUND = "omits_sound"
    """It leaves the sound out where a decision says so (docs/protocol/consent.md)."""
    HIDES_AREAS = "hides_areas"
    """It burns the mask of its snapshot into every picture before it is encoded (docs/protocol/masks.md)."""


def encode_abilities(abilities: Iterable[Ability]) -> str:
    """Write the header's value."""
    return ", ".join(sorted(each.value for each in abilities))


def parse_abilities(text: str) -> frozenset[Ability]:
    """Read the header's value: those that are known here; raise `AbilitiesError` that names the form."""
    if len(text) > MOST_CHARACTERS or _FORM.fullmatch(text) is None:
        raise AbilitiesError(f"{HEADER}: expected names with a comma and a space between, got {text[:80]!r}")
    return frozenset(each for each in Ability if each.value in text.split(", "))
