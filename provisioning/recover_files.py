"""Opens one sealed file into a stream or a file, with keys from files and from people: the work of `backrow open`.

Gives what can be had and says what could not; a draft beside the output is renamed when it is done, so that no
half-written file ever stands under the name that was asked for. Never changes what it reads.
Formats: docs/protocol/envelope.md.
"""

from __future__ import annotations

import getpass
import os
import stat
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import IntEnum
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, NoReturn

from protocol.envelope import (
    ArmorError,
    ArmorTruncatedError,
    EnvelopeError,
    HeaderError,
    HeaderMacError,
    Identity,
    KeyTextError,
    NoMatchError,
    OpenReader,
    PassphraseIdentity,
    PayloadError,
    Stanza,
    TrailingDataError,
    TruncatedError,
    parse_identities,
)
from provisioning.recover_words import describe_loss, gettext

STANDARD_STREAM = Path("-")


class Status(IntEnum):
    """The exit statuses, the worst loss highest; 1 is a fault of this program, 2 one of how it was called."""

    WHOLE = 0
    TRAILING = 3
    DIFFERS = 4
    TRUNCATED = 5
    DAMAGED = 6
    ARMOR = 7
    HEADER = 8
    MAC = 9
    NO_MATCH = 10
    KEYS = 11
    MISSING = 12
    FAILED = 13


# The first class that fits decides.
_STATUSES: tuple[tuple[type[EnvelopeError], Status], ...] = (
    (TrailingDataError, Status.TRAILING),
    (TruncatedError, Status.TRUNCATED),
    (ArmorTruncatedError, Status.TRUNCATED),
    (PayloadError, Status.DAMAGED),
    (ArmorError, Status.ARMOR),
    (HeaderMacError, Status.MAC),
    (NoMatchError, Status.NO_MATCH),
    (HeaderError, Status.HEADER),
)


class OpenFailure(Exception):
    """Nothing more can be done with this file: why, and the exit status that says so."""

    def __init__(self, message: str, status: Status) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Outcome:
    """How the opening of one file ended, how much plaintext it gave, and in words what is wrong."""

    status: Status
    opened_bytes: int
    words: str


@dataclass
class PassphraseOnDemand:
    """A passphrase that is fetched when the first stanza needs it, and once."""

    fetch: Callable[[], bytes]
    _identity: PassphraseIdentity | None = field(default=None, repr=False)

    def unwrap(self, stanza: Stanza, /) -> bytes | None:
        """The file key of an scrypt stanza, if the passphrase is the right one."""
        if stanza.type != "scrypt":
            return None
        self._identity = self._identity or PassphraseIdentity(self.fetch())
        return self._identity.unwrap(stanza)


def open_stream(source: BinaryIO, identities: Iterable[Identity], write: Callable[[bytes], None]) -> Outcome:
    """Open `source` as far as it goes, each authentic chunk handed to `write`, which fails by OpenFailure alone."""
    opened_bytes = 0
    try:
        for plaintext in OpenReader(source, identities):
            write(plaintext)
            opened_bytes += len(plaintext)
    except EnvelopeError as error:
        status = next(status for kind, status in _STATUSES if isinstance(error, kind))
        return Outcome(status, opened_bytes, describe_loss(error))
    except OSError as error:
        words = gettext("it cannot be read to its end: {reason}").format(reason=error.strerror or error)
        return Outcome(Status.FAILED, opened_bytes, words)
    return Outcome(Status.WHOLE, opened_bytes, gettext("whole"))


def open_to_file(source: BinaryIO, identities: Iterable[Identity], path: Path) -> Outcome:
    """Open `source` into `path`, which appears at once and only with all that can be had; nothing opened, no file.

    A link is followed. A FIFO or a character device is no file that could be replaced: it is written into as it comes.
    """
    mode = _mode_of(path)
    if mode is None or stat.S_ISREG(mode):
        return _open_to_draft(source, identities, path.resolve() if path.is_symlink() else path)
    if stat.S_ISFIFO(mode) or stat.S_ISCHR(mode):
        return _open_into(source, identities, path)
    words = gettext("{path} cannot be written: expected a file, a FIFO or a character device")
    raise OpenFailure(words.format(path=path), Status.FAILED)


def _mode_of(path: Path) -> int | None:
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        return None
    except OSError as error:
        fail_writing(path, error)


def _open_into(source: BinaryIO, identities: Iterable[Identity], path: Path) -> Outcome:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_NOCTTY)
    except OSError as error:
        fail_writing(path, error)
    try:
        return open_stream(source, identities, lambda data: _write_all(descriptor, data, path))
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, data: bytes, path: Path) -> None:
    rest = memoryview(data)
    try:
        while rest:
            rest = rest[os.write(descriptor, rest) :]
    except OSError as error:
        fail_writing(path, error)


def _open_to_draft(source: BinaryIO, identities: Iterable[Identity], path: Path) -> Outcome:
    with _draft_beside(path) as (draft, descriptor):
        outcome = open_stream(source, identities, lambda data: _write_all(descriptor, data, path))
        if outcome.status is Status.WHOLE or outcome.opened_bytes:
            _keep(draft, descriptor, path)
    return outcome


@contextmanager
def _draft_beside(path: Path) -> Iterator[tuple[Path, int]]:
    """A private file in the folder of `path`, open for writing; removed at the end unless it was renamed."""
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    except OSError as error:
        fail_writing(path, error)
    draft = Path(name)
    try:
        yield draft, descriptor
    finally:
        os.close(descriptor)
        draft.unlink(missing_ok=True)


def _keep(draft: Path, descriptor: int, path: Path) -> None:
    try:
        os.fsync(descriptor)
        draft.replace(path)
    except OSError as error:
        fail_writing(path, error)


def fail_writing(path: Path, error: OSError) -> NoReturn:
    """Raise `OpenFailure` for an output that cannot be written."""
    words = gettext("{path} cannot be written: {reason}").format(path=path, reason=error.strerror or error)
    raise OpenFailure(words, Status.FAILED) from error


def load_identities(paths: Iterable[Path], passphrase: PassphraseOnDemand) -> list[Identity]:
    """The identities of every key file, and the passphrase after them; a key file may itself be sealed with one."""
    identities: list[Identity] = []
    for path in paths:
        try:
            identities += parse_identities(_read_key_text(path, passphrase))
        except KeyTextError as error:
            raise OpenFailure(f"{_name_key_file(path)}: {error}", Status.KEYS) from error
    return [*identities, passphrase]


def _read_key_text(path: Path, passphrase: PassphraseOnDemand) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise OpenFailure(unreadable(_name_key_file(path), error), Status.KEYS) from error
    if data.lstrip().startswith((b"age-encryption.org/", b"-----BEGIN AGE")):
        data = open_key(BytesIO(data), [passphrase], _name_key_file(path), Status.KEYS)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        words = gettext("{name}: expected text, got binary data").format(name=_name_key_file(path))
        raise OpenFailure(words, Status.KEYS) from error


def _name_key_file(path: Path) -> str:
    return gettext("key file {path}").format(path=path)


def _name_passphrase_file(path: Path) -> str:
    return gettext("passphrase file {path}").format(path=path)


def unreadable(name: str, error: OSError) -> str:
    """Say that something, named in the terminal's language, cannot be read, and why."""
    return gettext("{name} cannot be read: {reason}").format(name=name, reason=error.strerror)


def open_key(source: BinaryIO, identities: Iterable[Identity], name: str, status: Status | None = None) -> bytes:
    """A small sealed file whole or not at all; fails with `status`, or with the one that its fault has."""
    parts: list[bytes] = []
    outcome = open_stream(source, identities, parts.append)
    if outcome.status is not Status.WHOLE:
        raise OpenFailure(f"{name}: {outcome.words}", status or outcome.status)
    return b"".join(parts)


def fetch_passphrase(path: Path | None) -> bytes:
    """The first line of the passphrase file, or what a person types at the terminal."""
    if path is None:
        return _ask_passphrase()
    try:
        first_line = path.read_bytes().split(b"\n", 1)[0].removesuffix(b"\r")
    except OSError as error:
        raise OpenFailure(unreadable(_name_passphrase_file(path), error), Status.KEYS) from error
    if not first_line:
        words = gettext("{name}: expected the passphrase in the first line, got none")
        raise OpenFailure(words.format(name=_name_passphrase_file(path)), Status.KEYS)
    return first_line


def _ask_passphrase() -> bytes:
    # Without a terminal getpass would read standard input, which may be the sealed file itself.
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError as error:
        words = gettext("this is sealed with a passphrase and there is no terminal to ask: give --passphrase-file")
        raise OpenFailure(words, Status.KEYS) from error
    return getpass.getpass(gettext("Passphrase: ")).encode("utf-8")


@contextmanager
def open_source(path: Path) -> Iterator[BinaryIO]:
    """A file to be read, or standard input for "-"."""
    if path == STANDARD_STREAM:
        yield sys.stdin.buffer
        return
    try:
        file = path.open("rb", buffering=0)
    except OSError as error:
        raise OpenFailure(unreadable(str(path), error), Status.FAILED) from error
    with file:
        yield file
