"""What a unit writes onto a stick: what waits, sealed to the school, whole or not at all."""

from __future__ import annotations

import errno
import subprocess
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from device.stick.note import StickRefused
from device.stick.parts import PartsWriter
from device.stick.sync import export
from protocol.durable import REAL
from protocol.envelope import NoMatchError, SealingWriter, generate_x25519
from protocol.manifest import CloseReason
from protocol.pki import parse_certificates
from protocol.stick import MIB, Kind, parse_head, verify_head
from protocol.stick_folder import NOTE, PartsReader
from tests.fakes.cutfiles import CountingFiles, Cut, KilledFiles, RefusingFiles
from tests.fakes.spooled import Spooled, spool_recording
from tests.school import receipt_items
from tests.unit.device.stick.conftest import NOW, ROOM, Scene

HOUR = timedelta(hours=1)
STICK_BYTES = 18 * MIB - 64 * 1024


def spool(scene: Scene, hours_ago: int, *sizes: int) -> Spooled:
    """Lay a recording down."""
    return spool_recording(scene.unit, began_at=NOW - hours_ago * HOUR, sizes=sizes or (3000, 5000))


def manifest_of(spooled: Spooled) -> bytes:
    """Read a manifest's bytes."""
    return (spooled.folder / "manifest").read_bytes()


def objects_of(spooled: Spooled) -> list[tuple[Kind, int, bytes]]:
    """Give what an export should say of a recording."""
    sealed = [(Kind.OBJECT, index, data) for index, data in sorted(spooled.objects.items())]
    return [(Kind.MANIFEST, 0, manifest_of(spooled)), *sealed]


def size_of(scene: Scene) -> int:
    """Add up the parts."""
    return sum(path.stat().st_size for path in scene.visit.folder.parts())


def note_of(scene: Scene) -> str:
    """Read the note."""
    return (scene.visit.root / NOTE).read_bytes().decode()


def test_export_holds_everything_that_waits_the_oldest_first(scene: Scene) -> None:
    """Manifest and objects byte for byte, the statement, and a head that the certificate's key signed."""
    newer, older = spool(scene, 1), spool(scene, 5)
    spool_recording(scene.unit, began_at=NOW, closed=None)
    spool_recording(scene.unit, began_at=NOW, closed=CloseReason.DISCARDED)
    assert export(scene.visit).everything
    (kind, _, head), statement, *rest = scene.records()
    assert kind is Kind.HEAD
    assert statement == (Kind.STATEMENT, 0, (scene.unit.data / "recorder" / "epochs").read_bytes())
    assert rest == [*objects_of(older), *objects_of(newer), (Kind.END, 0, b"")]
    (certificate, *_) = parse_certificates((scene.unit.data / "certificate" / "tls.pem").read_bytes())
    verify_head(head, certificate.public_key())  # type: ignore[arg-type]
    assert parse_head(head).device == scene.unit.device


def test_spool_and_card_stay_as_they_were(scene: Scene) -> None:
    """P5: an export releases nothing, and leaves no copy: one key of its own and a lock are all that is new."""
    spool(scene, 1)
    before = {path: path.read_bytes() for path in scene.unit.data.rglob("*") if path.is_file()}
    export(scene.visit)
    after = {path: path.read_bytes() for path in scene.unit.data.rglob("*") if path.is_file()}
    assert {path: after[path] for path in before} == before
    assert {path.name for path in after.keys() - before.keys()} == {"stick.key", "stick.lock"}
    assert (scene.unit.data / "uploads" / "stick.key").stat().st_mode & 0o777 == 0o600


def test_stock_age_opens_the_parts_with_the_epochs_key(scene: Scene, tmp_path: Path) -> None:
    """`cat to-school.* | age -d`: an export is a standard file, and no other epoch's key opens it."""
    spooled = spool(scene, 1)
    export(scene.visit)
    whole, keys = tmp_path / "whole.age", tmp_path / "keys"
    whole.write_bytes(b"".join(path.read_bytes() for path in scene.visit.folder.parts()))
    first, *others = sorted(scene.school.epoch_identities)
    keys.write_text(scene.school.epoch_identities[first].encode())
    opened = subprocess.run(["age", "-d", "-i", keys, whole], check=True, capture_output=True).stdout
    assert opened.startswith(b"backrow-stick v1 to school\n")
    assert spooled.objects[1] in opened
    with pytest.raises(NoMatchError):
        scene.records(*(scene.school.epoch_identities[name] for name in others))


def test_size_and_names_tell_nothing(make_scene: object) -> None:
    """P7: a room that recorded nothing and one that recorded three lessons leave the same files of the same size."""
    sizes = set()
    for lessons in (0, 3):
        scene = make_scene()  # type: ignore[operator]
        for ago in range(lessons):
            spool(scene, ago + 1, 50_000, 60_000)
        export(scene.visit)
        names = sorted(path.relative_to(scene.visit.folder.path).name for path in scene.visit.folder.path.iterdir())
        sizes.add((tuple(names), size_of(scene), note_of(scene)))
    assert len(sizes) == 1


def test_stick_that_is_too_small_takes_the_oldest(scene: Scene) -> None:
    """As many objects as fit; the note says that not everything did, and no more."""
    older, newer = spool(scene, 9, 9 * MIB, 5 * MIB), spool(scene, 2, MIB, 9 * MIB)
    assert not export(scene.visit).everything
    found = [one for one in scene.records() if one[0] in (Kind.MANIFEST, Kind.OBJECT)]
    assert found == [*objects_of(older), *objects_of(newer)[:3]]
    assert "Not everything fitted" in note_of(scene)
    assert "No cabía todo" in note_of(scene)
    assert size_of(scene) <= STICK_BYTES
    assert not parse_head(scene.records()[0][2]).everything


def test_stick_without_room_is_refused_with_words(scene: Scene) -> None:
    """And the note says so to whoever holds it."""
    with pytest.raises(StickRefused, match="80 MiB must be free"):
        export(scene.with_room(70 * MIB).visit)
    assert "80 MiB must be free" in note_of(scene)
    assert not scene.visit.folder.parts()


def test_what_a_receipt_names_does_not_travel_again(scene: Scene) -> None:
    """A recording that is covered is left out; of one that is covered in part the rest goes."""
    whole, part = spool(scene, 9), spool(scene, 5)
    scene.unit.put_state(f"receipts/{whole.recording}", scene.school.issue_receipt(whole.manifest))
    items = [item for item in receipt_items(part.manifest) if item.index != 2]
    scene.unit.put_state(f"receipts/{part.recording}", scene.school.issue_receipt(part.manifest, items=items))
    export(scene.visit)
    found = [one for one in scene.records() if one[0] in (Kind.MANIFEST, Kind.OBJECT)]
    assert found == [(Kind.MANIFEST, 0, manifest_of(part)), (Kind.OBJECT, 2, part.objects[2])]


def test_what_is_damaged_on_the_card_stays_there(scene: Scene) -> None:
    """One object and one manifest are not what the recorder signed: the rest travels, and a person is asked for."""
    spooled, forged = spool(scene, 9), spool(scene, 5)
    (spooled.folder / "000001.age").write_bytes(b"x" * 3000)
    (forged.folder / "manifest").write_bytes(b"nonsense\n")
    assert export(scene.visit).damaged
    found = [one for one in scene.records() if one[0] in (Kind.MANIFEST, Kind.OBJECT)]
    assert found == [one for one in objects_of(spooled) if (one[0], one[1]) != (Kind.OBJECT, 1)]
    assert "card cannot be read" in note_of(scene)


def test_export_replaces_the_one_before(scene: Scene) -> None:
    """And what somebody tore: there is one export of a unit on a stick."""
    spool(scene, 9)
    export(scene.visit)
    scene.visit.folder.part(2).write_bytes(b"of an older one")
    scene.visit.folder.writing(5).write_bytes(b"torn")
    newer = spool(scene, 1)
    export(scene.visit)
    assert [path.name for path in scene.visit.folder.path.iterdir()] == ["to-school.001"]
    assert (Kind.MANIFEST, 0, manifest_of(newer)) in scene.records()


def test_list_of_epochs_that_has_ended_is_good_enough(scene: Scene) -> None:
    """A unit that nobody visited for a year exports all the same, to the newest week that the school published."""
    scene.visit.clock.advance(365 * 86_400)  # type: ignore[attr-defined]
    spool(scene, 1)
    export(scene.visit)
    assert scene.records(scene.school.epoch_identities[max(scene.school.epoch_identities)])


def test_unit_that_never_joined_is_told_what_to_do(scene: Scene) -> None:
    """Without a certificate nobody would believe the stick."""
    (scene.unit.data / "certificate" / "tls.pem").unlink()
    with pytest.raises(Exception, match="backrow device enroll"):
        export(scene.visit)


def test_stick_pulled_out_at_any_operation_never_passes_for_whole(scene: Scene) -> None:
    """Cut at every write, sync and rename: no export or a whole one lies there, and the next visit writes it."""
    spool(scene, 1)
    export(replace(scene.visit, stick=(counting := CountingFiles())))
    whole, outcomes = scene.records()[1:], set()
    for at in range(1, len(counting.names) + 1):
        with pytest.raises(Cut):
            export(replace(scene.visit, stick=KilledFiles(at)))
        outcomes.add(bool(scene.visit.folder.parts()))
        if scene.visit.folder.parts():
            assert scene.records()[1:] == whole
    assert outcomes == {True, False}
    export(scene.visit)
    assert scene.records()[1:] == whole


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC, errno.EROFS])
def test_stick_that_refuses_costs_nothing(scene: Scene, code: int) -> None:
    """At any operation: an error that is said, no export that is none, and the spool as it was."""
    spooled = spool(scene, 1)
    export(replace(scene.visit, stick=(counting := CountingFiles())))
    for at in range(1, len(counting.names) + 1, 5):
        with pytest.raises(OSError, match="refused"):
            export(replace(scene.visit, stick=RefusingFiles(at, code=code, times=1000)))
        if scene.visit.folder.parts():
            assert scene.records()
    assert spooled.folder.is_dir()


def test_parts_are_cut_where_the_medium_needs_it(scene: Scene) -> None:
    """One age file in pieces: together they are what was sealed."""
    scene.visit.folder.make(REAL)
    identity = generate_x25519()
    sink = PartsWriter(scene.visit.folder, REAL, part_bytes=100_000)
    writer = SealingWriter(sink, [identity.recipient])
    writer.write(bytes(250_000))
    writer.finish()
    assert scene.visit.folder.parts() == ()
    assert scene.visit.folder.is_torn()
    sink.finish()
    parts = scene.visit.folder.parts()
    assert [path.stat().st_size for path in parts][:2] == [100_000, 100_000]
    with PartsReader(parts) as reader:
        assert len(reader.read(10**6)) == 100_000
    assert len(parts) == 3


def test_another_visit_waits(scene: Scene) -> None:
    """Two sticks at once would be two writers of one answer and one note."""
    inner: list[str] = []

    def look(_: Path) -> int:
        with pytest.raises(StickRefused) as refused:
            export(scene.visit)
        inner.append(str(refused.value))
        return ROOM

    export(replace(scene.visit, room_bytes=look))
    assert inner == ["Another stick is being written at this unit; wait until it has finished."]
