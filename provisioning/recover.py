"""`backrow open`: opens a sealed file, or a whole recording, with the keys that the school kept.

The tool for the day when nothing else works: it needs no controller, no database and no network. It gives what can be
had, says exactly what could not, and never changes what it reads. Formats: docs/protocol/envelope.md.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from protocol.envelope import Identity
from provisioning.recover_files import (
    STANDARD_STREAM,
    OpenFailure,
    Outcome,
    PassphraseOnDemand,
    Status,
    fail_writing,
    fetch_passphrase,
    load_identities,
    open_source,
    open_stream,
    open_to_file,
)
from provisioning.recover_recording import open_recording
from provisioning.recover_words import gettext

STATUS_HELP = """\b
Exit status (of several, the highest):
   0  everything was opened
   2  the command was called wrongly
   3  everything was opened, but unsealed data follow the end
   4  a segment, or the manifest itself, is not what the recorder signed
   5  cut short: what was whole was opened
   6  damaged: what stands before the damage was opened
   7  the ASCII armor is malformed
   8  not an age file, or its header is malformed or incomplete
   9  the header was changed after sealing
  10  no key, or not this passphrase, opens it
  11  a key file or passphrase file cannot be used
  12  a segment is missing
  13  a file cannot be read or written
"""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the command line asks for."""

    sealed: Path
    key_files: tuple[Path, ...]
    passphrase_file: Path | None
    output: Path | None
    recording: Path | None
    recording_key: Path | None
    recorder_key: Path | None


_PATH = click.Path(path_type=Path)


@click.command("open", epilog=STATUS_HELP)
@click.option(
    "-i",
    "--identity",
    "key_files",
    multiple=True,
    type=_PATH,
    metavar="KEYFILE",
    help="File of identities (AGE-SECRET-KEY-…), sealed with a passphrase or not. Can be repeated.",
)
@click.option(
    "--passphrase-file",
    type=_PATH,
    metavar="FILE",
    help="The passphrase, in the first line. Otherwise a person is asked, only when one is needed.",
)
@click.option(
    "-o",
    "--output",
    type=_PATH,
    metavar="OUT",
    help="File to write, or folder with --recording. Otherwise standard output.",
)
@click.option(
    "--recording",
    type=_PATH,
    metavar="DIR",
    help="Open a whole recording: DIR holds key.age, segments 000001.age … and the manifest.",
)
@click.option(
    "--recording-key",
    type=_PATH,
    metavar="FILE",
    help="The recording's key.age where it is kept apart from DIR, as in the controller's key store.",
)
@click.option(
    "--recorder-key",
    type=_PATH,
    metavar="FILE",
    help="The unit's recorder.pub: check the signatures of the manifest too, not only its digests.",
)
@click.argument("sealed", metavar="[FILE]", default=STANDARD_STREAM, type=_PATH)
@click.pass_context
def open_command(context: click.Context, /, **options: Any) -> None:
    """Open a sealed FILE (standard input without one), or with --recording every segment of a recording.

    FILE may be binary or armored, sealed to X25519 or post-quantum keys or with a passphrase. Of a file that is cut
    short or damaged everything up to that place is given, and the exit status says so.
    """
    request = Request(**options)
    _require_consistent(request)
    passphrase = PassphraseOnDemand(lambda: fetch_passphrase(request.passphrase_file))
    try:
        status = _perform(request, load_identities(request.key_files, passphrase))
    except OpenFailure as failure:
        click.echo(f"backrow open: {failure}", err=True)
        status = failure.status
    context.exit(int(status))


def _perform(request: Request, identities: Iterable[Identity]) -> Status:
    if request.recording is None:
        return _open_one(request.sealed, identities, request.output or STANDARD_STREAM)
    assert request.output is not None
    return open_recording(
        request.recording,
        identities,
        request.output,
        recording_key=request.recording_key,
        recorder_key=request.recorder_key,
    )


def _require_consistent(request: Request) -> None:
    if request.recording is None:
        if request.recording_key or request.recorder_key:
            raise click.UsageError(gettext("--recording-key and --recorder-key go with --recording DIR"))
        _require_output(request.sealed, request.output or STANDARD_STREAM)
    elif request.output in (None, STANDARD_STREAM):
        raise click.UsageError(gettext("--recording writes several files: give a folder with -o OUTDIR"))
    elif request.sealed != STANDARD_STREAM:
        words = gettext("give either --recording {recording} or the file {file}")
        raise click.UsageError(words.format(recording=request.recording, file=request.sealed))


def _require_output(sealed: Path, output: Path) -> None:
    if output == STANDARD_STREAM:
        if sys.stdout.isatty():
            raise click.UsageError(gettext("standard output is a terminal: give -o OUT"))
    elif sealed.exists() and output.exists() and sealed.samefile(output):
        words = gettext("{path} is the sealed file itself: give another name with -o")
        raise click.UsageError(words.format(path=output))


def _open_one(sealed: Path, identities: Iterable[Identity], output: Path) -> Status:
    with open_source(sealed) as source:
        if output == STANDARD_STREAM:
            outcome = open_stream(source, identities, _write_to_stdout)
        else:
            outcome = open_to_file(source, identities, output)
    if outcome.status is not Status.WHOLE:
        name = gettext("standard input") if sealed == STANDARD_STREAM else str(sealed)
        click.echo(f"backrow open: {name}: {_report(outcome, output)}", err=True)
    return outcome.status


def _report(outcome: Outcome, output: Path) -> str:
    if not outcome.opened_bytes:
        return gettext("{words}; nothing was opened").format(words=outcome.words)
    where = gettext("standard output") if output == STANDARD_STREAM else output
    words = gettext("{words}; {count} bytes were opened and are in {where}")
    return words.format(words=outcome.words, count=outcome.opened_bytes, where=where)


def _write_to_stdout(data: bytes) -> None:
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except OSError as error:
        _drop_stdout()
        fail_writing(Path(gettext("standard output")), error)


def _drop_stdout() -> None:
    """Keep the interpreter from trying, and failing, to write what is left when it ends."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, sys.stdout.fileno())
    os.close(nothing)
