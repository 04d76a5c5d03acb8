"""Opens a whole recording: its key, then every segment, carrying on past those that are damaged or missing.

Says of each segment how it ended and whether it is what the manifest names. Without the recorder's public key the
manifest's digests are compared but its signatures are not checked, and that is said.
Formats: docs/protocol/envelope.md, docs/protocol/manifest.md.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import click

from protocol.codec import parse_canonical
from protocol.envelope import EnvelopeError, Identity, KeyTextError, parse_identities, read_header_bytes
from protocol.errors import ProtocolError
from protocol.keyfiles import KeyFileError, load_verifying_key
from protocol.manifest import Recovered, Segment, parse_manifest, whole_lines
from protocol.signing import VerifyingKey, split_line
from provisioning.recover_files import (
    OpenFailure,
    Status,
    fail_writing,
    open_key,
    open_source,
    open_to_file,
    unreadable,
)
from provisioning.recover_words import gettext

KEY_NAME = "key.age"
MANIFEST_NAME = "manifest"
_SEGMENT = re.compile(r"([0-9]{6})\.age")


@dataclass(frozen=True)
class Named:
    """A segment as the manifest names it; the digest of all its sealed bytes is None while it was being written."""

    header_digest: str
    digest: str | None = None
    recovered: bool = False


@dataclass(frozen=True)
class Testimony:
    """What the manifest says, by segment, or None when it cannot be used; `words` tell how far it can be believed."""

    status: Status
    words: str
    segments: Mapping[int, Named] | None = None


@dataclass(frozen=True)
class Recording:
    """What is at hand of a recording: the files of its segments, what opens them, and what was signed about them."""

    folder: Path
    segments: Mapping[int, Path]
    identities: tuple[Identity, ...]
    testimony: Testimony


def open_recording(
    folder: Path,
    identities: Iterable[Identity],
    output: Path,
    *,
    recording_key: Path | None,
    recorder_key: Path | None,
) -> Status:
    """Open every segment of `folder` into the folder `output`, a line on each; the worst status of all."""
    recording = Recording(
        folder,
        _find_segments(folder),
        _open_recording_key(recording_key or folder / KEY_NAME, identities),
        _read_testimony(folder / MANIFEST_NAME, _load_recorder_key(recorder_key)),
    )
    _make_folder(output)
    click.echo(gettext("manifest: {words}").format(words=recording.testimony.words))
    indexes = sorted({*recording.segments, *(recording.testimony.segments or ()), *_places(recording.segments)})
    if not indexes:
        words = gettext("{folder} holds no segment (000001.age …)").format(folder=folder)
        raise OpenFailure(words, Status.MISSING)
    return max([recording.testimony.status, *(_open_segment(recording, index, output) for index in indexes)])


def _find_segments(folder: Path) -> dict[int, Path]:
    try:
        names = sorted(folder.iterdir())
    except OSError as error:
        raise OpenFailure(unreadable(str(folder), error), Status.FAILED) from error
    return {int(match[1]): path for path in names if (match := _SEGMENT.fullmatch(path.name))}


def _places(segments: Mapping[int, Path]) -> range:
    """Every place up to the last segment found: segments count from 1 without a gap."""
    return range(1, max(segments, default=0) + 1)


def _open_recording_key(path: Path, identities: Iterable[Identity]) -> tuple[Identity, ...]:
    with open_source(path) as source:
        text = open_key(source, identities, str(path))
    try:
        return parse_identities(text.decode("utf-8", "replace"))
    except KeyTextError as error:
        words = gettext("{path} opens, but holds no identity: {reason}").format(path=path, reason=error)
        raise OpenFailure(words, Status.KEYS) from error


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        fail_writing(path, error)


def _open_segment(recording: Recording, index: int, output: Path) -> Status:
    path = recording.segments.get(index)
    if path is None:
        words = gettext("{name}: MISSING from {folder}")
        click.echo(words.format(name=f"{index:06d}.age", folder=recording.folder))
        return Status.MISSING
    try:
        with open_source(path) as source:
            outcome = open_to_file(source, recording.identities, output / f"{index:06d}.mp4")
    except OpenFailure as failure:
        click.echo(f"{path.name}: {failure}")
        return failure.status
    verdict, verdict_words = _compare(path, recording.testimony, index)
    said = (outcome.words, _describe_given(outcome.opened_bytes, f"{index:06d}.mp4"), verdict_words)
    click.echo(f"{path.name}: {'; '.join(filter(None, said))}")
    return max(outcome.status, verdict)


def _describe_given(count: int, name: str) -> str:
    return gettext("{count} bytes in {name}").format(count=count, name=name) if count else gettext("nothing opened")


def _compare(path: Path, testimony: Testimony, index: int) -> tuple[Status, str]:
    """Whether the segment's file is what the manifest names, and the words that follow in its line."""
    if testimony.segments is None:
        return Status.WHOLE, ""
    named = testimony.segments.get(index)
    if named is None:
        return Status.DIFFERS, gettext("DIFFERS: the manifest names no such segment")
    try:
        found, expected, words = _find_digest(path, named)
    except (OSError, EnvelopeError) as error:
        return Status.DIFFERS, gettext("it cannot be compared with the manifest: {reason}").format(reason=error)
    if found != expected:
        return Status.DIFFERS, gettext("DIFFERS from what the manifest names")
    return Status.WHOLE, words


def _find_digest(path: Path, named: Named) -> tuple[str, str, str]:
    """The digest that was found, the one that the manifest names, and what it means when they are the same."""
    with path.open("rb") as file:
        if named.digest is None:
            found = hashlib.sha256(read_header_bytes(file)).hexdigest()
            return (
                found,
                named.header_digest,
                gettext("its header is as the manifest names it, its end is not named"),
            )
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if named.recovered:
        return found, named.digest, gettext("as the manifest names it, cut short on the unit")
    return found, named.digest, gettext("as the manifest names it")


def _load_recorder_key(path: Path | None) -> VerifyingKey | None:
    try:
        return load_verifying_key(path) if path else None
    except KeyFileError as error:
        raise OpenFailure(str(error), Status.KEYS) from error


def _read_testimony(path: Path, recorder_key: VerifyingKey | None) -> Testimony:
    try:
        data = whole_lines(path.read_bytes())
    except OSError as error:
        words = gettext("MISSING, segments cannot be compared with it ({reason})").format(reason=error.strerror)
        return Testimony(Status.MISSING, words)
    try:
        if recorder_key is None:
            words = gettext("signatures not checked (give --recorder-key)")
            return Testimony(Status.WHOLE, words, _read_unverified(data))
        return Testimony(Status.WHOLE, gettext("signatures verified"), _read_verified(data, recorder_key))
    except ProtocolError as error:
        words = gettext("NOT TO BE BELIEVED, segments are not compared with it: {reason}").format(reason=error)
        return Testimony(Status.DIFFERS, words)


def _read_verified(data: bytes, recorder_key: VerifyingKey) -> dict[int, Named]:
    manifest = parse_manifest(data, recorder_key)
    return {segment.index: _name(segment) for segment in manifest.segments}


def _name(segment: Segment) -> Named:
    if segment.ended is None:
        return Named(segment.opened.header_digest)
    return Named(segment.opened.header_digest, segment.ended.digest, isinstance(segment.ended, Recovered))


def _read_unverified(data: bytes) -> dict[int, Named]:
    segments: dict[int, Named] = {}
    for number, line in enumerate(data.splitlines(keepends=True)):
        what = f"manifest line {number}"
        fields = parse_canonical(split_line(line, what).body, what)
        index, kind = fields.get("index"), fields.get("line")
        if isinstance(index, int) and kind == "opened":
            segments[index] = Named(str(fields.get("header_digest")))
        elif isinstance(index, int) and index in segments and kind in ("sealed", "recovered"):
            segments[index] = replace(segments[index], digest=str(fields.get("digest")), recovered=kind == "recovered")
    return segments
