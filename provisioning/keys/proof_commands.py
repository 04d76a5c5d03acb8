"""`backrow provision keys record|drill`: what is printed at the ceremony, and the proof that the backup opens.

Reads what was typed and says in words what was found.
"""

from __future__ import annotations

import shlex
from datetime import UTC, datetime
from gettext import NullTranslations
from pathlib import Path

import click

from protocol.durable import replace_file
from protocol.room.pdf import encode_pdf
from protocol.room.svg import encode_svg
from protocol.words import LanguageUnknown, load_language, load_words
from provisioning.keys.drill import Tried, drill_backup, drill_root
from provisioning.keys.errors import KeysError
from provisioning.keys.options import FOLDER, in_words, keys_option, root_options
from provisioning.keys.passphrases import fetch_passphrase
from provisioning.keys.record import Record, draw_record, make_record, tell_record
from provisioning.keys.root import RootDoor

READABLE = 0o644


@click.command(name="record")
@keys_option
@click.option("--root-folder", type=FOLDER, help="Where the root's part lies, when not among the keys.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="A file that ends in .txt, .pdf or .svg; otherwise text here."
)
@click.option("--language", help="Of the sheet, like es; otherwise the terminal's.")
def record_command(*, keys: Path, root_folder: Path | None, out: Path | None, language: str | None) -> None:
    """Print the record of the ceremony: fingerprints, and lines for names and places. Holds no secret."""
    with in_words():
        _require_folder(out)
        record = make_record(keys, root_folder or keys, datetime.now(UTC), _words(language))
        if out is None:
            click.echo(tell_record(record))
            return
        content = encode_record(record, out)
        if out.exists():
            raise KeysError(f"{out}: stands already; a record is never written over: choose another name")
        replace_file(out, content, mode=READABLE)
    click.echo(f"{out}: print it, fill it in by hand, and keep it with the root's part.")


def _require_folder(out: Path | None) -> None:
    if out is not None and not out.parent.is_dir():
        raise KeysError(
            f"--out {out}: there is no folder {out.parent}; make it (mkdir -p {shlex.quote(str(out.parent))}), mount "
            "the stick that it shall lie on, or name a file elsewhere"
        )


def _words(language: str | None) -> NullTranslations:
    try:
        return load_language(language) if language else load_words()
    except LanguageUnknown as error:
        raise KeysError(f"--language: {error}") from None


def encode_record(record: Record, out: Path) -> bytes:
    """Give the record in the form that the file's name asks for; raise `KeysError`."""
    try:
        if out.suffix == ".pdf":
            return encode_pdf(draw_record(record))
        if out.suffix == ".svg":
            return encode_svg(draw_record(record))
    except ValueError as error:
        raise KeysError(f"{out}: {error}; or as .txt") from None
    if out.suffix != ".txt":
        raise KeysError(f"{out}: expected a name that ends in .txt, .pdf or .svg")
    return tell_record(record).encode("utf-8")


@click.command(name="drill")
@keys_option
@click.option("--backup", required=True, type=FOLDER, help="The backup of that folder, as it was brought out.")
@root_options
@click.pass_context
def drill_command(
    context: click.Context, /, keys: Path, backup: Path, root_folder: Path | None, passphrase_file: Path | None
) -> None:
    """Prove that the backup of the keys opens what is sealed today. Exit status 1 when anything fails."""
    with in_words():
        tried = list(drill_backup(keys, backup, datetime.now(UTC)))
        if root_folder:
            tried += drill_root(RootDoor(keys, root_folder, lambda: fetch_passphrase(passphrase_file)))
    for one in tried:
        click.echo(_tell(one))
    if not root_folder:
        click.echo("not tried   the root's part: bring it and give --root-folder")
    failed = sum(bool(one.wrong) for one in tried)
    click.echo(
        f"THE DRILL FAILED: {failed} of {len(tried)} things. Recordings can be lost: repair the backup now."
        if failed
        else f"All {len(tried)} things went well: this backup opens what is sealed today."
    )
    context.exit(1 if failed else 0)


def _tell(tried: Tried) -> str:
    return f"FAILED      {tried.what}\n            -> {tried.wrong}" if tried.wrong else f"good        {tried.what}"
