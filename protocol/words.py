"""The words of command lines and of what is printed, from the same gettext catalogue as the pages.

The language is the one of the terminal (LANGUAGE, LC_ALL, LC_MESSAGES, LANG); without a catalogue it is English.
"""

from __future__ import annotations

import gettext
from pathlib import Path

CATALOGUE = Path(__file__).resolve().parent.parent / "controller" / "translations"


def load_words(languages: list[str] | None = None) -> gettext.NullTranslations:
    """Load the catalogue of the first of `languages` that there is; of the terminal's when none are given."""
    return gettext.translation("messages", str(CATALOGUE), languages=languages, fallback=True)


class LanguageUnknown(Exception):
    """There is no catalogue of the language that was asked for; its words say which there are."""


def load_language(language: str) -> gettext.NullTranslations:
    """Load the catalogue of one language and of no other; raises LanguageUnknown."""
    try:
        return gettext.translation("messages", str(CATALOGUE), languages=[language])
    except FileNotFoundError:
        known = sorted(path.parent.parent.name for path in CATALOGUE.glob("*/LC_MESSAGES/messages.mo"))
        raise LanguageUnknown(
            f"there is no catalogue of {language!r}; expected one of {', '.join(known) or 'none: none is compiled'}"
        ) from None


def mark(words: str) -> str:
    """Mark words for the catalogue; whoever shows them translates."""
    return words
