"""Decides what can be a person's name, and which names are thought to be the same. Pure."""

from __future__ import annotations

import unicodedata
from typing import NamedTuple

NAME_CHARS = 120
SOURCED_ID_CHARS = 255  # OneRoster CSV binding: the most characters of a sourcedId
_FORMULA = ("=", "+", "@")


class Name(NamedTuple):
    """What a person is called; one of the two may be blank."""

    given: str
    family: str

    @property
    def listed(self) -> str:
        """Give it as a class list has it: the family's name first."""
        return ", ".join(part for part in (self.family, self.given) if part)

    @property
    def spoken(self) -> str:
        """Give it as it is said."""
        return " ".join(part for part in self if part)


def tidy(text: str) -> str:
    """Give a text without blanks around it or doubled inside, composed (NFC), as it is kept and compared."""
    return unicodedata.normalize("NFC", " ".join(text.split()))


def may_be_name(name: Name) -> bool:
    """Tell whether tidied texts can be a name: something shown, not too long, and nothing that a spreadsheet runs."""
    return bool(name.given or name.family) and all(
        len(part) <= NAME_CHARS and part.isprintable() and not part.startswith(_FORMULA) for part in name
    )


def same_name(name: Name) -> tuple[str, str]:
    """Give what two spellings of one name have in common: case and doubled blanks do not count, accents do."""
    return tidy(name.given).casefold(), tidy(name.family).casefold()


def listing_key(name: Name) -> str:
    """Give by what a name is put into a list: Öst stands between Ost and Otto."""
    taken_apart = unicodedata.normalize("NFKD", name.listed.casefold())
    return "".join(char for char in taken_apart if not unicodedata.combining(char))
