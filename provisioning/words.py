"""The words of the command line, from the same gettext catalogue as the pages.

The language is the one of the terminal (LANGUAGE, LC_ALL, LC_MESSAGES, LANG); without a catalogue it is English.
"""

from __future__ import annotations

import gettext
from pathlib import Path

CATALOGUE = Path(__file__).resolve().parent.parent / "controller" / "translations"


def load_words(languages: list[str] | None = None) -> gettext.NullTranslations:
    """Load the catalogue of the first of `languages` that there is; of the terminal's when none are given."""
    return gettext.translation("messages", str(CATALOGUE), languages=languages, fallback=True)


def mark(words: str) -> str:
    """Mark words for the catalogue; whoever shows them translates."""
    return words
