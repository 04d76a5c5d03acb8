"""Brings the catalogues of words up to date with the sources: pages, the demo and whatever else speaks to people.

`python -m provisioning.catalogues` adds new texts, drops those that nobody says any more, and names what still needs a
translation. English is the language of the sources and translates itself. What is looked through stands in
controller/translations/babel.ini; compiling is the business of provisioning/assets.py.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
TRANSLATIONS = ROOT / "controller" / "translations"
SOURCE_LANGUAGE = "en"
KEYWORDS: dict[str, tuple[int, ...] | None] = {
    "_": None,
    "gettext": None,
    "ngettext": (1, 2),
    "mark": None,
    "_mark": None,
}


def extract_words(root: Path = ROOT) -> Catalog:
    """Collect every text that is said to people, with the files that say it."""
    with (TRANSLATIONS / "babel.ini").open("r", encoding="utf-8") as file:
        methods, options = parse_mapping_cfg(file)  # type: ignore[no-untyped-call]
    found = extract_from_dir(
        str(root), method_map=methods, options_map=options, keywords=KEYWORDS, directory_filter=_may_speak
    )
    catalogue = Catalog(charset="utf-8")
    for name, _line, text, comments, context in sorted(found, key=lambda one: (one[0], one[1])):
        catalogue.add(text, locations=[(name, 0)], auto_comments=comments, context=context)
    return catalogue


def _may_speak(folder: str) -> bool:
    """Pass over what is built or installed below the root: tens of thousands of files, and no word of ours."""
    return not Path(folder).name.startswith((".", "_", "node_modules", "vendor")) and Path(folder) != ROOT / "build"


def load_catalogue(language: str) -> Catalog:
    """Read the catalogue of a language as it stands."""
    with catalogue_path(language).open("rb") as file:
        return read_po(file, locale=language)


def catalogue_path(language: str) -> Path:
    """Name the file of a language."""
    return TRANSLATIONS / language / "LC_MESSAGES" / "messages.po"


def update_catalogue(language: str, words: Catalog) -> Catalog:
    """Bring a language's catalogue up to date with `words`; nothing is guessed from similar texts."""
    catalogue = load_catalogue(language)
    catalogue.update(deepcopy(words), no_fuzzy_matching=True, update_creation_date=False)
    catalogue.obsolete.clear()
    if language == SOURCE_LANGUAGE:
        for message in catalogue:
            message.string = message.id
    return catalogue


def find_missing(catalogue: Catalog, words: Catalog) -> Iterator[str]:
    """Name the texts that a catalogue does not translate, or translates without being sure."""
    for message in words:
        if message.id and not _is_translated(catalogue.get(message.id, message.context)):
            yield str(message.id)


def _is_translated(found: Message | None) -> bool:
    if found is None or found.fuzzy:
        return False
    return all(found.string) if isinstance(found.string, list | tuple) else bool(found.string)


def encode_catalogue(catalogue: Catalog) -> bytes:
    """Write a catalogue the way it is committed: by source file, without line numbers and dates."""
    target = io.BytesIO()
    write_po(
        target, catalogue, width=120, sort_by_file=True, include_lineno=False, ignore_obsolete=True, omit_header=True
    )
    header = f'msgid ""\nmsgstr ""\n"Language: {catalogue.locale_identifier}\\n"\n' + _HEADER
    plural = f'"Plural-Forms: {catalogue.plural_forms}\\n"\n\n'
    return (header + plural).encode() + target.getvalue()


_HEADER = '"MIME-Version: 1.0\\n"\n"Content-Type: text/plain; charset=utf-8\\n"\n"Content-Transfer-Encoding: 8bit\\n"\n'


def main() -> int:
    """Update every catalogue; end with 1 while one is not complete."""
    words = extract_words()
    missing = 0
    for path in sorted(TRANSLATIONS.glob("*/LC_MESSAGES/messages.po")):
        language = path.parent.parent.name
        catalogue = update_catalogue(language, words)
        path.write_bytes(encode_catalogue(catalogue))
        for text in find_missing(catalogue, words):
            print(f"{language}: no translation of {text!r}", file=sys.stderr)
            missing += 1
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
