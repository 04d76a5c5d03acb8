"""What must be true of a lesson that has come home: whole, held once, played as it was recorded, nowhere in the clear.

Everything is checked from the outside: files, database rows, and what a browser is given; expected media come out of
the sealed objects by the test's own reading of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import select

from controller import wiring
from controller.config import load_config
from controller.recordings.models import HeldObject, Recording
from controller.services import Services
from controller.uploads.arrivals import LASTS
from controller.uploads.incoming import IncomingStore
from controller.uploads.models import Upload, UploadState
from device.media.boxes import BoxSplitter
from protocol.documents import Receipt, verify_document
from protocol.envelope import EnvelopeError, OpenReader
from protocol.envelope.keys import KeyIdentity
from protocol.keyfiles import load_verifying_key
from protocol.manifest import KEY_INDEX, Manifest, parse_manifest
from provisioning.demo.tracks import AccessUnit, Tracks, read_tracks
from tests.e2e.stack import Stack
from tests.footage import find_footage
from tests.unsealed import find_plaintext

CANARY_AT = 400_000
MEDIA = (b"ftyp", b"moov", b"moof", b"mdat")


@contextmanager
def looking_in(stack: Stack) -> Iterator[Services]:
    """Open the controller's database, stores and keys, for the test's own look."""
    services = wiring.make_services(load_config(stack.school.config))
    try:
        yield services
    finally:
        services.database.close()


def held_manifest(stack: Stack, recording: str) -> Manifest:
    """Give the manifest that the controller holds, verified with the unit's own key."""
    key = load_verifying_key(stack.school.unit / "data" / "identity" / "recorder.pub")
    return parse_manifest((stack.stored(recording) / "manifest").read_bytes(), key)


def check_home(stack: Stack, *recordings: str, quarantined: int = 0) -> None:
    """Check everything that is promised of recordings that were delivered; so many uploads of them were forgeries."""
    with looking_in(stack) as services:
        for recording in recordings:
            manifest = held_manifest(stack, recording)
            assert manifest.closed is not None
            _check_objects(stack, manifest)
            _check_rows(services, manifest, quarantined)
            identity = services.key_store.get(recording)
            assert media_boxes(play(stack, recording)) == expected_media(stack, manifest, identity)
        _check_incoming(services)
    check_no_plaintext(stack)


def check_logs_name_none(stack: Stack, *recordings: str) -> None:
    """A log that IT reads does not tell of a lesson, however often its delivery was broken off (promise P7)."""
    said = "".join(path.read_text("utf-8", "replace") for path in (stack.school.folder / "logs").iterdir())
    assert [recording for recording in recordings if recording in said] == []
    assert "Traceback" not in said


def _check_incoming(services: Services) -> None:
    """What a killed or a second uploader began and nobody goes on with is gone after the time that uploads last."""
    folder = services.config.controller.data / "incoming"
    IncomingStore(folder).sweep(services.clock() + 2 * LASTS)
    assert list(folder.iterdir()) == []


def _check_objects(stack: Stack, manifest: Manifest) -> None:
    folder = stack.stored(manifest.begun.recording)
    names = {index: f"{index:06d}.age" for index in manifest.objects() if index != KEY_INDEX}
    assert {path.name for path in folder.iterdir()} == {"manifest", *names.values()}
    for index, name in names.items():
        data = (folder / name).read_bytes()
        assert (hashlib.sha256(data).hexdigest(), len(data)) == manifest.expected(index)


def _check_rows(services: Services, manifest: Manifest, quarantined: int) -> None:
    """Held once each, and receipted: exactly what the manifest names."""
    name = manifest.begun.recording
    named = [(index, *(manifest.expected(index) or ())) for index in manifest.objects()]
    with services.database.reading() as session:
        rows = session.scalars(select(HeldObject).where(HeldObject.recording == name)).all()
        line = session.get_one(Recording, name).receipt_line
        uploads = session.scalars(select(Upload).where(Upload.recording == name)).all()
    assert sorted((row.object_index, row.digest, row.size_bytes) for row in rows) == named
    assert len([one for one in uploads if one.state is UploadState.QUARANTINED]) == quarantined
    assert line is not None
    receipt = verify_document(Receipt, line, services.keys.trust)
    assert [(item.index, item.digest, item.size_bytes) for item in receipt.items] == named
    assert (receipt.manifest_lines, receipt.manifest_head) == (len(manifest.lines), manifest.head)


def play(stack: Stack, recording: str) -> bytes:
    """Fetch what a player would, once its owner has said that it is theirs."""
    stack.viewer.confirm(recording)
    return stack.viewer.play(recording).getvalue()


def playlist(stack: Stack, recording: str) -> str:
    """Fetch the playlist, once its owner has said that it is theirs."""
    stack.viewer.confirm(recording)
    return stack.viewer.page(f"/recordings/{recording}/stream.m3u8")


def media_boxes(data: bytes) -> list[bytes]:
    """Give the boxes that hold media, without the padding between them."""
    return [box for kind, box in BoxSplitter().feed(data) if kind in MEDIA]


def expected_media(stack: Stack, manifest: Manifest, identity: KeyIdentity) -> list[bytes]:
    """Open the sealed objects and give every whole fragment, each take behind its init, as a player should get it."""
    boxes: list[bytes] = []
    take = 0
    for segment in manifest.segments:
        plaintext = open_as_far(stack.stored(manifest.begun.recording) / f"{segment.index:06d}.age", identity)
        init, fragments = _split(media_boxes(plaintext))
        if not fragments:
            continue
        boxes += init if segment.opened.take != take else []
        boxes += fragments
        take = segment.opened.take
    return boxes


def open_as_far(path: Path, identity: KeyIdentity) -> bytes:
    """Open a sealed file as far as it goes."""
    chunks: list[bytes] = []
    with suppress(EnvelopeError), path.open("rb") as file:
        for chunk in OpenReader(file, [identity]):
            chunks.append(chunk)
    return b"".join(chunks)


def _split(boxes: list[bytes]) -> tuple[list[bytes], list[bytes]]:
    """Part a segment's init from its whole fragments: a `moof` without its `mdat` is none."""
    fragments = boxes[2:]
    return boxes[:2], fragments[: len(fragments) - len(fragments) % 2]


def played_takes(stack: Stack, recording: str) -> list[Tracks]:
    """Play a recording and read what is in it, take by take."""
    takes: list[list[bytes]] = []
    for box in media_boxes(play(stack, recording)):
        if box[4:8] == b"ftyp":
            takes.append([])
        takes[-1].append(box)
    return [_read(stack.school.folder / "played.mp4", b"".join(boxes)) for boxes in takes]


def _read(path: Path, data: bytes) -> Tracks:
    path.write_bytes(data)
    try:
        return read_tracks(path)
    finally:
        path.unlink()


def is_prefix_of_loop(played: tuple[AccessUnit, ...], film: tuple[AccessUnit, ...]) -> bool:
    """Tell whether pictures are those of a film from its beginning, played again and again, none left out."""
    return all(unit.digest == film[at % len(film)].digest for at, unit in enumerate(played))


def canary() -> bytes:
    """Give a stretch of the film's own pictures, from its third second."""
    return find_footage("bigbuckbunny.mp4").read_bytes()[CANARY_AT : CANARY_AT + 24]


def check_no_plaintext(stack: Stack) -> None:
    """Look for media, pictures and keys in the clear in every file of the unit, the controller's data, and the logs."""
    folder = stack.school.folder
    places = (stack.school.unit / "data", folder / "controller", folder / "key-store", folder / "logs")
    assert [found for place in places for found in find_plaintext(place, canary())] == []
