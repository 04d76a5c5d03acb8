"""A night with everything that networks, servers and cards do: each time every byte arrives, once, without a hand."""

from __future__ import annotations

from datetime import timedelta

import pytest

from device.config import load_config
from device.uploads.client import Answer, LinkError, Request
from device.uploads.service import make_uploader
from tests.fakes.ingest import Fault
from tests.fakes.spooled import spool_recording
from tests.unit.device.uploads.conftest import NOW, Night

EVENING = NOW - timedelta(hours=8)
SIZES = (3000, 20_000)


def sent_bytes(night: Night) -> int:
    """Add up the bodies that were announced in PATCH requests which were answered."""
    return sum(one.body_bytes for one in night.ingest.asked if one.method == "PATCH" and one.status == 204)


def test_cut_link_resumes_at_the_acknowledged_offset(night: Night) -> None:
    """After a cut in mid-segment the uploader asks for the offset and sends only what is missing."""
    spooled = spool_recording(night.unit, began_at=EVENING, sizes=(20_000,))
    whole = Fault("PATCH")
    night.ingest.faults.extend((whole, whole, Fault("PATCH", cut_after=1000)))
    night.grant()
    night.deliver(spooled)
    assert night.ingest.count("POST") == 2
    assert night.ingest.count("HEAD") == 1
    assert sent_bytes(night) == spooled.total_bytes - 1000


@pytest.mark.parametrize(
    "fault",
    [
        Fault("PATCH", status=409),
        Fault("PATCH", status=460),
        Fault("PATCH", status=423),
        Fault("PATCH", status=500),
        Fault("PATCH", status=502),
        Fault("PATCH", status=507, code="full"),
        Fault("PATCH", status=413),
        Fault("PATCH", status=410),
        Fault("PATCH", status=404),
        Fault("PATCH", cut_after=0),
        Fault("PATCH", cut_after=100),
        Fault("PATCH", lose_answer=True),
        Fault("POST", status=503),
        Fault("POST", status=409),
        Fault("POST", lose_answer=True),
        Fault("PUT", status=500),
        Fault("PUT", status=429),
        Fault("PUT", lose_answer=True),
        Fault("GET", path="/receipt", status=500),
        Fault("GET", path="/receipt", status=404),
        Fault("GET", path="/receipt", lose_answer=True),
        Fault("GET", path="/documents", status=500),
        Fault("GET", path="/documents", lose_answer=True),
    ],
    ids=lambda fault: f"{fault.method}{fault.path}-{fault.status or ('lost' if fault.lose_answer else 'cut')}",
)
def test_any_single_fault_heals_without_a_hand(night: Night, fault: Fault) -> None:
    """Whatever a request is answered with once, the recording is delivered, byte for byte, and needs no person."""
    spooled = spool_recording(night.unit, began_at=EVENING, sizes=SIZES)
    night.ingest.faults.append(fault)
    night.grant()
    night.deliver(spooled)
    assert not night.ingest.faults
    record = night.record(spooled.recording)
    assert (record.failures, record.needs_person) == (0, "")


def test_a_lost_answer_does_not_send_the_object_twice(night: Night) -> None:
    """When the answer to the last piece is lost, HEAD tells that everything arrived, and nothing is sent again."""
    spooled = spool_recording(night.unit, began_at=EVENING, sizes=(1000,))
    night.ingest.faults.append(Fault("PATCH", lose_answer=True))
    night.grant()
    night.deliver(spooled)
    assert night.ingest.count("PATCH") == 2
    assert night.ingest.count("POST") == 2


def test_a_controller_that_is_gone_is_asked_ever_more_seldom(night: Night) -> None:
    """While the controller answers 503 the pauses double up to the limit; then everything is delivered."""
    spooled = spool_recording(night.unit, began_at=EVENING)
    night.ingest.faults.extend(Fault("PUT", status=503) for _ in range(8))
    night.grant()
    night.deliver(spooled)
    assert night.ingest.count("PUT") == 9
    assert night.world.now_at - NOW >= timedelta(seconds=1 + 2 + 4 + 8 + 16 + 32 + 64 + 128)


def test_a_recording_that_the_controller_cannot_take_holds_up_nobody(night: Night) -> None:
    """When one recording alone is answered with 503 for ever, the younger ones are delivered all the same."""
    stuck = spool_recording(night.unit, began_at=EVENING)
    others = [spool_recording(night.unit, began_at=NOW) for _ in range(2)]
    manifest = f"/{stuck.recording}/manifest"
    night.ingest.faults.extend(Fault("PUT", path=manifest, status=503, code="epoch_unknown") for _ in range(30))
    night.grant()
    night.deliver(*others)
    assert "epoch_unknown" in night.record(stuck.recording).reason
    night.ingest.faults.clear()
    night.deliver(stuck)


def test_a_day_of_failures_needs_a_person_and_goes_on_trying(night: Night) -> None:
    """After a day the record says in words what is wrong; when it is mended, the recording is delivered by itself."""
    spooled = spool_recording(night.unit, began_at=EVENING)
    night.grant(night.school.issue_lease(night.unit.device, lasts=timedelta(days=3)))
    night.ingest.faults.extend(Fault("PUT", status=507, code="full") for _ in range(40))
    night.settle(lambda: night.record(spooled.recording).failures == 5)
    assert night.record(spooled.recording).needs_person == ""
    night.world.advance(24 * 3600 - 300)
    night.settle(lambda: bool(night.record(spooled.recording).needs_person))
    assert "507 full" in night.record(spooled.recording).needs_person
    assert night.world.now_at - NOW >= timedelta(days=1)
    night.ingest.faults.clear()
    night.deliver(spooled)
    assert night.record(spooled.recording).needs_person == ""


def test_a_forked_manifest_holds_up_its_own_recording_alone(night: Night) -> None:
    """A 409 to a manifest delays that recording, with the reason; younger ones are delivered."""
    forked = spool_recording(night.unit, began_at=EVENING)
    younger = spool_recording(night.unit, began_at=NOW)
    other = spool_recording(night.unit, began_at=EVENING)
    lines = (forked.folder / "manifest").read_bytes()
    night.ingest.manifests[forked.recording] = (other.folder / "manifest").read_bytes()
    night.grant()
    night.deliver(other, younger)
    record = night.record(forked.recording)
    assert "409 fork" in record.reason
    assert record.failures >= 1
    night.ingest.manifests[forked.recording] = lines
    night.deliver(forked)


def test_a_segment_damaged_on_the_way_is_quarantined_and_sent_again(night: Night) -> None:
    """What arrives damaged is refused with 422, then sent again from its first byte, and accepted."""
    spooled = spool_recording(night.unit, began_at=EVENING, sizes=(9000,))
    night.ingest.faults.append(Fault("PATCH", damage=True))
    night.grant()
    night.deliver(spooled)
    assert night.ingest.quarantined == [(spooled.recording, 0)]


def test_a_segment_that_is_always_refused_ends_in_words_and_not_in_a_loop(night: Night) -> None:
    """When every arrival is refused with 422, attempts become rare, and after a day a person is told."""
    spooled = spool_recording(night.unit, began_at=EVENING, sizes=(900,))
    night.grant(night.school.issue_lease(night.unit.device, lasts=timedelta(days=3)))
    night.ingest.faults.extend(Fault("PATCH", damage=True) for _ in range(60))
    night.settle(lambda: night.record(spooled.recording).failures == 12)
    assert night.world.now_at > NOW + timedelta(minutes=20)
    night.world.advance(24 * 3600)
    night.settle(lambda: bool(night.record(spooled.recording).needs_person))
    assert "digest_mismatch" in night.record(spooled.recording).needs_person


def test_a_recording_that_its_owner_destroyed_is_not_sent(night: Night) -> None:
    """When an upload is refused because the owner had it all destroyed, nothing is sent, and the receipt ends it."""
    spooled = spool_recording(night.unit, began_at=EVENING)

    def destroy() -> None:
        night.ingest.destroyed.add(spooled.recording)

    night.ingest.faults.append(Fault("POST", status=410, code="destroyed", action=destroy))
    night.grant()
    night.settle(lambda: night.is_delivered(spooled))
    assert night.held(spooled) == {}
    assert night.run() == 0


def test_a_controller_that_acknowledges_less_is_not_pestered(night: Night) -> None:
    """When fewer lines are acknowledged than were sent, the manifest is sent again ever more seldom, not in a loop."""
    spooled = spool_recording(night.unit, began_at=EVENING)
    whole = (spooled.folder / "manifest").read_bytes()
    night.ingest.keep_lines = 3
    night.grant()
    for _ in range(40):
        night.turn()
    assert night.ingest.count("PUT") < 25
    assert night.record(spooled.recording).manifest_lines == 3
    night.ingest.keep_lines = None
    night.grant(night.lease(fence=2))
    night.deliver(spooled)
    assert night.ingest.manifests[spooled.recording] == whole


def test_an_object_that_the_controller_lost_is_sent_again(night: Night) -> None:
    """When the receipt does not cover everything, the wishes are asked for anew and fulfilled."""
    spooled = spool_recording(night.unit, began_at=EVENING)
    night.ingest.faults.append(Fault("GET", path="/receipt", action=lambda: night.ingest.lose(spooled.recording, 1)))
    night.grant()
    night.deliver(spooled)
    assert night.ingest.count("POST") == 4


def test_a_segment_edited_on_the_card_needs_a_person_and_the_rest_is_delivered(night: Night) -> None:
    """An edited segment never leaves; everything else is delivered, and the record says which file and why."""
    spooled = spool_recording(night.unit, began_at=EVENING)
    path = spooled.folder / "000001.age"
    path.write_bytes(b"edited" + spooled.objects[1][6:])
    night.grant()
    night.settle(lambda: (spooled.recording, 2) in night.ingest.held)
    night.run()
    record = night.record(spooled.recording)
    assert record.damaged == (1,)
    assert "000001.age is not what the recorder signed" in record.needs_person
    assert (spooled.recording, 1) not in night.ingest.held
    path.write_bytes(spooled.objects[1])
    night.world.advance(24 * 3600)
    night.grant(night.lease(fence=2))
    night.deliver(spooled)
    assert night.record(spooled.recording).needs_person == ""


def test_a_missing_segment_is_told_and_the_rest_is_delivered(night: Night) -> None:
    """A sealed file that is gone from the card is named in the record."""
    spooled = spool_recording(night.unit, began_at=EVENING)
    (spooled.folder / "000001.age").unlink()
    night.grant()
    night.settle(lambda: (spooled.recording, 2) in night.ingest.held)
    assert "000001.age cannot be read: No such file" in night.record(spooled.recording).needs_person


def test_two_writers_of_one_upload_end_with_the_right_bytes(night: Night) -> None:
    """When another writer advances the same upload, the uploader finds the new offset and adds only what is missing."""
    spooled = spool_recording(night.unit, began_at=EVENING, sizes=(20_000,))

    def race() -> None:
        upload = night.ingest.uploads["u2"]
        upload.data += spooled.objects[1][len(upload.data) : len(upload.data) + 5000]

    whole = Fault("PATCH")
    night.ingest.faults.extend((whole, whole, Fault("PATCH", action=race), whole, Fault("PATCH", action=race)))
    night.grant()
    night.deliver(spooled)
    assert night.ingest.count("HEAD") == 2
    assert [one.status for one in night.ingest.asked if one.method == "PATCH"].count(409) == 2


class KilledError(BaseException):
    """The process dies here, as by `kill -9`: nothing of it runs any more."""


class DyingDoor:
    """Passes requests on, and dies at the n-th: before it is sent, or after it was answered."""

    def __init__(self, night: Night, *, at: int, before: bool) -> None:
        self._night = night
        self._left = at
        self._before = before

    def address_of(self, path: str) -> str:
        """Pass on."""
        return self._night.client.address_of(path)

    def ask(self, request: Request) -> Answer:
        """Pass on, unless it is time to die."""
        self._left -= 1
        if self._left == 0 and self._before:
            raise KilledError
        answer = self._night.client.ask(request)
        if self._left == 0:
            raise KilledError
        return answer


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_kill_at_every_request_loses_and_doubles_nothing(night: Night, before: bool) -> None:  # noqa: FBT001
    """Killed at each request in turn, before or after it, and started again, the uploader delivers every byte once."""
    for at in range(1, 15):
        spooled = spool_recording(night.unit, began_at=EVENING, sizes=(9000,))
        night.grant(night.lease(fence=at))
        door = DyingDoor(night, at=at, before=before)
        night.uploader = make_uploader(load_config(night.unit.config), door, world=night.world.world, stop=night.world)
        try:
            night.deliver(spooled)
        except KilledError:
            night.restart()
            night.deliver(spooled)
        assert [key for key in night.ingest.held if key[0] == spooled.recording] == [
            (spooled.recording, 0),
            (spooled.recording, 1),
        ]


class DeafDoor:
    """A controller that cannot be reached."""

    def address_of(self, path: str) -> str:
        """Name some address."""
        return f"http://127.0.0.1:9/{path}"

    def ask(self, request: Request) -> Answer:
        """Never answer."""
        raise LinkError(f"{request.method} {request.path}: nobody answers")


def test_a_controller_gone_for_hours_is_survived(night: Night) -> None:
    """Hours without a controller cost nothing but time: no exception, bounded asking, then delivery."""
    spooled = spool_recording(night.unit, began_at=EVENING)
    night.grant()
    night.uploader = make_uploader(
        load_config(night.unit.config), DeafDoor(), world=night.world.world, stop=night.world
    )
    night.settle(lambda: night.world.now_at > NOW + timedelta(hours=3), turns=10_000)
    assert "nobody answers" in night.record(spooled.recording).reason
    night.restart()
    night.grant(night.lease(fence=2))
    night.deliver(spooled)


def test_an_answer_that_makes_no_sense_is_a_fault_of_the_link(night: Night) -> None:
    """An answer to a manifest that is not what the contract says is survived and asked for again."""
    spooled = spool_recording(night.unit, began_at=EVENING)
    night.grant()
    for body in (b"", b"[]", b'{"lines":"1","wanted":[]}', b'{"lines":1,"wanted":[true]}', b"<html>"):
        night.uploader = make_uploader(
            load_config(night.unit.config), OneAnswer(body), world=night.world.world, stop=night.world
        )
        for _ in range(3):
            night.turn()
        assert "expected" in night.record(spooled.recording).reason
        night.world.advance(600)
    night.grant(night.lease(fence=2))
    night.restart()
    night.deliver(spooled)


class OneAnswer(DeafDoor):
    """A server that answers everything with the same bytes."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def ask(self, request: Request) -> Answer:
        """Answer."""
        return Answer(200, {}, self._body)


def test_the_card_that_refuses_is_survived(night: Night) -> None:
    """When records cannot be written, nothing crashes; when they can, everything is delivered."""
    spooled = spool_recording(night.unit, began_at=EVENING)
    night.grant()
    (night.unit.data / "uploads").write_bytes(b"a file where a folder should be")
    for _ in range(5):
        night.turn()
    (night.unit.data / "uploads").unlink()
    night.deliver(spooled)
