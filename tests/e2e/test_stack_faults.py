"""The whole stack under faults: seven real processes on loopback, and whatever can break, broken while a lesson lives.

One school is founded for the module; every test begins when all of it is at rest and ends with its lessons at home,
unless its claim is that they must not be. The hours of a night are seconds here: leases last 3 s, reports come twice a
second.
"""

from __future__ import annotations

import json
import random
import shutil
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import select

from controller.devices.models import Health, Presence
from controller.recordings.models import HeldObject, Recording
from controller.uploads import repo
from protocol.codec import encode_canonical
from protocol.keyfiles import load_verifying_key
from protocol.manifest import CloseReason, Recovered, Sealed, parse_manifest
from provisioning.demo.tracks import TICKS_PER_SECOND, read_tracks
from tests.e2e import home
from tests.e2e.stack import EVERYBODY, LEASE_S, UNIT, Stack, found_place, set_values
from tests.e2e.tampering import Card
from tests.e2e.wire import Fate
from tests.footage import find_footage
from tests.small_disk import needs_mount, small_disk

TOGETHER = (("recorder", "bridge"), ("serve", "agent"), ("broker", "jobs", "uploader"))
RATE_BPS = 8_000_000
LOST_S = 2.0
LATE_S = 90.0
"""A unit that learns late of an opening waits at random, for a minute at the most, before it asks for a lease."""
CHUNK_BYTES = 128 * 1024


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A school whose seven processes run."""
    place = found_place(tmp_path_factory.mktemp("school"), find_footage("bigbuckbunny.mp4"), rate_bps=RATE_BPS)
    with Stack(place) as stack:
        stack.open()
        yield stack


@pytest.fixture
def stack(founded: Stack) -> Stack:
    """The school at rest."""
    founded.restore()
    return founded


def read_spool(stack: Stack, recording: str) -> dict[str, bytes]:
    """Give the sealed bytes of a recording that are on the card now."""
    folder = stack.school.spool / recording
    return {path.name: path.read_bytes() for path in sorted(folder.glob("0*.age"))} if folder.is_dir() else {}


def wait_arriving(stack: Stack, recording: str) -> None:
    """Wait until the upload is in mid-segment."""
    incoming = stack.school.folder / "controller" / "incoming"
    stack.wait("bytes in incoming", lambda: recording in stack.spooled() and count_bytes(incoming) > 2 * CHUNK_BYTES)


def count_bytes(folder: Path) -> int:
    """Add up the lengths of the files below a folder; those that vanish meanwhile count nothing."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:
            continue
    return total


def kill_and_start(stack: Stack, names: Sequence[str], away_s: float) -> None:
    """Kill processes, and start them again a moment later, as systemd would."""
    stack.kill(*names)
    time.sleep(away_s)
    stack.start(*names)


@pytest.mark.parametrize("names", [*TOGETHER, *(pytest.param([name], marks=pytest.mark.soak) for name in EVERYBODY)])
def test_process_killed_while_recording_while_uploading_and_at_the_end_loses_nothing(
    stack: Stack, names: Sequence[str]
) -> None:
    """P2, P4, P5: after three kill -9 the lesson is at home, whole, once, playable; no hand, nothing in the clear.

    `make test` kills two or three processes at once, so that each of the seven is killed; `make soak` each alone, too.
    """
    chance = random.Random(f"a night in November: {names}")  # noqa: S311 when to kill is no secret
    recording = stack.press()
    time.sleep(chance.uniform(0.2, 1.2))
    durable = read_spool(stack, recording)
    kill_and_start(stack, names, chance.uniform(0.0, 0.5))
    time.sleep(0.5)
    stack.hold()
    segments = sorted(read_spool(stack, recording))
    wait_arriving(stack, recording)
    time.sleep(chance.uniform(0.0, 0.3))
    kill_and_start(stack, names, chance.uniform(0.0, 0.5))
    stack.wait("the last segment but one", lambda: (stack.stored(recording) / segments[-2]).exists())
    time.sleep(chance.uniform(0.0, 0.4))
    kill_and_start(stack, names, chance.uniform(0.0, 0.5))
    stack.wait_home(recording)
    home.check_home(stack, recording)
    for segment, data in durable.items():
        assert (stack.stored(recording) / segment).read_bytes().startswith(data)


@contextmanager
def recorder_with(stack: Stack, tables: dict[str, dict[str, Any]]) -> Iterator[None]:
    """Let the recorder run with other settings for a while."""
    before = stack.school.unit_config.read_text("utf-8")
    stack.stop("recorder")
    set_values(stack.school.unit_config, tables)
    stack.start("recorder")
    try:
        yield
    finally:
        if stack.runs("recorder"):
            stack.stop("recorder")
        stack.school.unit_config.write_text(before, "utf-8")
        stack.start("recorder")


def test_recorder_killed_while_recording_loses_at_most_two_seconds_and_goes_on(stack: Stack) -> None:
    """P4, at the camera's true pace: the take that was cut misses at most 2 s, and a new one follows in the same boot.

    The player is told of the break, and both takes are the film from its beginning with no picture left out.
    """
    film = read_tracks(find_footage("bigbuckbunny.mp4")).video
    with recorder_with(stack, {"camera": {"speed": 1.0}}):
        recording = stack.press()
        began_s = stack.wait_lamp("recording")
        time.sleep(3.3)
        stack.kill("recorder")
        given_s = time.monotonic() - began_s
        stack.start("recorder")
        stack.wait_lamp("recording")
        time.sleep(1.0)
        stack.hold()
    stack.wait_home(recording)
    home.check_home(stack, recording)
    manifest = home.held_manifest(stack, recording)
    assert [segment.opened.take for segment in manifest.segments][:: len(manifest.segments) - 1] == [1, 2]
    assert len({line.moment.boot for line in manifest.lines}) == 1
    assert any(isinstance(segment.ended, Recovered) for segment in manifest.segments)
    assert home.playlist(stack, recording).count("#EXT-X-DISCONTINUITY\n") == 1
    cut, resumed = home.played_takes(stack, recording)
    pictures = [unit.pts_ticks for unit in cut.video]
    assert (max(pictures) - min(pictures)) / TICKS_PER_SECOND >= given_s - LOST_S
    assert home.canary() in home.play(stack, recording)  # what the scan for plaintext looks for is in the film
    assert home.is_prefix_of_loop(cut.video, film)
    assert home.is_prefix_of_loop(resumed.video, film)


@pytest.mark.parametrize("goes", [pytest.param("stop", marks=pytest.mark.soak), "kill"])
def test_broker_gone_for_the_night_keeps_no_lesson_from_coming_home(stack: Stack, goes: str) -> None:
    """Without a broker the uploader asks for its lease over HTTPS; when it is back, presence, health, receipts follow.

    An hour is simulated: leases last 3 s, and a unit counts as silent after two of them.
    """
    stack.stop("broker") if goes == "stop" else stack.kill("broker")
    recording, later = stack.record(1.5), stack.record(1.0)
    stack.wait_home(recording, later, within_s=LATE_S)
    back_at = time.time()
    stack.start("broker")
    stack.wait_told("presence, health and receipts", lambda: is_known_again(stack, back_at, recording, later))
    home.check_home(stack, recording, later)
    home.check_logs_name_none(stack, recording, later)


def is_known_again(stack: Stack, since: float, *recordings: str) -> bool:
    """Tell whether the unit was heard over MQTT since an instant, is reachable and fit, and has its receipts."""
    with home.looking_in(stack) as services, services.database.reading() as session:
        presence = session.scalars(select(Presence)).one()
        health = session.scalars(select(Health)).one()
        rows = [session.get_one(Recording, recording) for recording in recordings]
        acked = all(row.receipt_acked == row.receipt_version for row in rows)
    heard = health.received_at.timestamp() > since and health.fit and not health.reason
    return presence.online and heard and acked


def test_controller_gone_while_uploading_is_gone_on_with_from_the_acknowledged_offset(stack: Stack) -> None:
    """What the controller had when it was killed is not sent again, and nothing is held twice."""
    recording = stack.record(1.5)
    whole = sum(map(len, read_spool(stack, recording).values()))
    wait_arriving(stack, recording)
    stack.kill("serve")
    had = count_bytes(stack.school.folder / "controller" / "incoming") + count_bytes(stack.stored(recording))
    before = stack.wire.up_bytes
    time.sleep(1.0)
    stack.start("serve")
    stack.wait_home(recording)
    home.check_home(stack, recording)
    home.check_logs_name_none(stack, recording)
    assert stack.wire.up_bytes - before < whole - had + 2 * CHUNK_BYTES


def test_link_cut_and_stalled_in_mid_segment_delivers_everything(stack: Stack) -> None:
    """Connections that break after any number of bytes, or fall silent: what comes is what was sealed, and once."""
    chance, made = random.Random("a bad line"), [0]  # noqa: S311 where to cut is no secret

    def next_fate() -> Fate:
        made[0] += 1
        return Fate(after_bytes=chance.randrange(20_000, 300_000), stalls=made[0] in (3, 7))

    stack.wire.cuts = 0
    stack.wire.disturb(next_fate)
    recording = stack.record(1.5)
    sealed = read_spool(stack, recording)
    stack.wait_home(recording, within_s=90)
    assert stack.wire.cuts >= 5
    stack.wire.mend()
    home.check_home(stack, recording)
    home.check_logs_name_none(stack, recording)
    for name, data in sealed.items():
        assert (stack.stored(recording) / name).read_bytes() == data


def test_card_edited_while_the_unit_was_off_is_refused_told_and_nothing_of_it_released(stack: Stack) -> None:
    """P5, P9: edited segments and manifests never count, all others come home; when repaired, these do, too."""
    stack.stop("uploader")
    flipped, one, other, cut, gap, foreign, sound = (stack.record(0.3) for _ in range(7))
    damaged, unbelievable = (flipped, one, other, cut), (gap, foreign)
    stack.stop("recorder", "agent")
    card = Card(stack.school.unit / "data", stack.school.folder / "kept")
    card.flip_a_byte(flipped, 1)
    card.swap(one, other, 1)
    card.truncate(cut, 1)
    card.remove_a_line(gap)
    card.put_manifest_of_another_unit(foreign)
    stack.start(*UNIT)
    stack.wait_home(sound, within_s=60)
    stack.wait_told("everything else", lambda: all(held(stack, each) == all_but(stack, each, 1) for each in damaged))
    for recording in damaged:
        assert upload_record(stack, recording)["wanted"] == [1]
        assert upload_record(stack, recording)["damaged"] == [1]
        assert stack.state(recording) == "arriving"
        assert {"key.age", "manifest", "000001.age"} <= {
            each.name for each in card.segment(recording, 1).parent.iterdir()
        }
    for recording in unbelievable:
        assert not stack.stored(recording).exists()
        assert card.is_untouched(recording)
    check_told(stack)
    stack.stop(*UNIT)
    for recording in (*damaged, *unbelievable):
        card.repair(recording)
    stack.start(*UNIT)
    stack.wait_home(*damaged, *unbelievable)
    home.check_home(stack, sound, *damaged, *unbelievable)


def held(stack: Stack, recording: str) -> set[int]:
    """Give the indexes of what the controller holds of a recording."""
    with home.looking_in(stack) as services, services.database.reading() as session:
        return set(session.scalars(select(HeldObject.object_index).where(HeldObject.recording == recording)))


def all_but(stack: Stack, recording: str, index: int) -> set[int]:
    """Give the indexes that the manifest on the controller names, without one of them."""
    if not stack.stored(recording).exists():
        return set()
    return set(home.held_manifest(stack, recording).objects()) - {index}


def upload_record(stack: Stack, recording: str) -> dict[str, Any]:
    """Read what the uploader remembers of a recording."""
    record: dict[str, Any] = json.loads((stack.school.unit / "data" / "uploads" / recording).read_bytes())
    return record


def check_told(stack: Stack) -> None:
    """The recorder's status says what it can see, and the owner's page of units says it in words."""
    status = json.loads((stack.school.unit / "data" / "recorder" / "status").read_bytes())
    assert status["damaged"] == ["spool_damaged"]
    told = ("Needs attention", "Something on its card is damaged or was changed.")
    stack.wait_told("the page to say it", lambda: all(words in stack.viewer.page("/units") for words in told))
    stuck = "Its delivery needs a person."
    assert stuck not in stack.viewer.page("/units")
    let_the_day_pass(stack)
    stack.wait_told("the page to say it the day after", lambda: stuck in stack.viewer.page("/units"))


def let_the_day_pass(stack: Stack) -> None:
    """Make what the agent has kept of today what it has kept of a day before."""
    readings = stack.school.unit / "data" / "agent" / "readings"
    stack.wait("the agent to keep it", lambda: b'"delivery_stuck"' in readings.read_bytes())
    stack.stop("agent")
    kept = json.loads(readings.read_bytes())
    kept["days"][-1]["day"] = "2020-01-01"
    readings.write_bytes(encode_canonical(kept))
    stack.start("agent")


def test_bytes_that_were_not_signed_are_quarantined_and_the_true_ones_taken(stack: Stack) -> None:
    """Whoever has the unit's certificate and lease, but edited segments, brings nothing in.

    The edited bytes go into quarantine, the object stays wanted, and the unit delivers it.
    """
    stack.stop("uploader")
    recording = stack.record(0.3)
    edited = bytearray(read_spool(stack, recording)["000001.age"])
    edited[-1] ^= 1
    answer = bring(stack, recording, 1, bytes(edited))
    assert (answer.status_code, answer.json()["error"]) == (requests.codes.unprocessable_entity, "digest_mismatch")
    quarantine = stack.school.folder / "controller" / "quarantine"
    (kept,) = quarantine.glob(f"*/{recording}-*")
    assert kept.read_bytes() == edited
    stack.start("uploader")
    stack.wait_home(recording)
    home.check_home(stack, recording, quarantined=1)


def bring(stack: Stack, recording: str, index: int, data: bytes) -> requests.Response:
    """Send an object as any tus client with the unit's certificate and lease could."""
    data_folder = stack.school.unit / "data"
    manifest = (stack.school.spool / recording / "manifest").read_bytes()
    url = f"https://127.0.0.1:{stack.school.ports.units}/units/v1"
    metadata = f"recording {base64(recording)},index {base64(str(index))}"
    with requests.Session() as session:
        session.trust_env, session.verify = False, str(data_folder / "identity" / "ca.pem")
        session.cert = (str(data_folder / "certificate" / "tls.pem"), str(data_folder / "identity" / "tls.key"))
        session.headers["Tus-Resumable"] = "1.0.0"
        assert leased(stack, lambda: session.put(f"{url}/recordings/{recording}/manifest", data=manifest), session).ok
        headers = {
            "Upload-Length": str(len(data)),
            "Upload-Metadata": metadata,
            "Content-Type": "application/offset+octet-stream",
        }
        return leased(stack, lambda: session.post(f"{url}/uploads", data=data, headers=headers), session)


def leased(stack: Stack, send: Callable[[], requests.Response], session: requests.Session) -> requests.Response:
    """Send under the newest lease; a tick may grant another one between asking and sending, as to every client."""
    url = f"https://127.0.0.1:{stack.school.ports.units}/units/v1/lease"
    answers: list[requests.Response] = []

    def is_answered() -> bool:
        lease = session.get(url)
        if lease.status_code != requests.codes.ok:
            return False
        session.headers["Backrow-Lease"] = lease.text.strip()
        answers.append(send())
        return answers[-1].status_code != requests.codes.forbidden

    stack.wait_told("an answer under a lease", is_answered)
    return answers[-1]


def base64(text: str) -> str:
    """Encode a value of `Upload-Metadata`."""
    return b64encode(text.encode()).decode()


def test_two_uploaders_of_one_unit_bring_nothing_twice_and_both_live_on(stack: Stack) -> None:
    """A second process with the same files only costs questions; neither stumbles over the other.

    Both have ended when what arrives is looked at: one that is still sending what the other has brought, makes it anew.
    """
    stack.start_second("uploader", "uploader-again")
    try:
        recordings = [stack.record(1.0), stack.record(0.3)]
        stack.wait_home(*recordings)
    finally:
        stack.stop("uploader", "uploader-again")
    home.check_home(stack, *recordings)
    assert "Traceback" not in stack.log("uploader") + stack.log("uploader-again")


@contextmanager
def small_card(stack: Stack, mebibytes: int) -> Iterator[None]:
    """Put the unit's data on a small disk for a while; the unit is off before and after."""
    data, aside = stack.school.unit / "data", stack.school.unit / "aside"
    stack.stop(*UNIT)
    data.rename(aside)
    with small_disk(data, mebibytes=mebibytes):
        try:
            shutil.copytree(aside, data, dirs_exist_ok=True)
            shutil.rmtree(aside)
            yield
        finally:
            stack.stop(*(name for name in UNIT if stack.runs(name)))
            shutil.copytree(data, aside, dirs_exist_ok=True)
    data.rmdir()
    aside.rename(data)


@needs_mount
def test_card_that_fills_while_recording_keeps_and_delivers_what_was_durable(stack: Stack) -> None:
    """P5: the recording ends as a fault, nothing is erased for room, it comes home, and the unit records again."""
    before = stack.school.unit_config.read_text("utf-8")
    stack.stop("jobs")
    with small_card(stack, 10):
        set_values(
            stack.school.unit_config,
            {
                "camera": {"speed": 8.0},
                "limits": {"lesson_bytes": 4 * 1024 * 1024, "spool_reserve_bytes": 2 * 1024 * 1024},
            },
        )
        stack.start(*UNIT)
        recording = stack.press()
        stack.wait_lamp("fault")
        manifest_path = stack.school.spool / recording / "manifest"
        stack.wait("its last line", lambda: b'"line":"closed"' in manifest_path.read_bytes())
        sealed = read_spool(stack, recording)
        stack.start("jobs")
        stack.wait_home(recording)
        stack.panel.tap()  # the lamp says fault until somebody presses
        stack.wait_lamp("recording")
        (again,) = stack.spooled()
        time.sleep(0.5)
        stack.hold()
        stack.wait_home(again)
    stack.school.unit_config.write_text(before, "utf-8")
    stack.restore()
    home.check_home(stack, recording, again)
    manifest = home.held_manifest(stack, recording)
    assert manifest.closed is not None
    assert manifest.closed.reason is CloseReason.FAULT
    assert sum(map(len, sealed.values())) > 5 * 1024 * 1024
    for name, data in sealed.items():
        assert (stack.stored(recording) / name).read_bytes() == data


def test_controller_that_is_full_takes_nothing_and_loses_nothing(stack: Stack) -> None:
    """P5, P6: uploads are refused, then no lease is granted; when there is room again everything comes by itself."""
    before = stack.school.config.read_text("utf-8")
    stack.stop("serve")
    set_values(stack.school.config, {"uploads": {"reserve_bytes": 10**15}})
    stack.start("serve")
    stack.wait_served()
    recording = stack.record(0.5)
    sealed = read_spool(stack, recording)
    stack.wait("a refusal", lambda: "the controller's disk is full" in stack.log("uploader"))
    stack.stop("jobs")
    stack.start("jobs")
    stack.wait_told("no lease", lambda: leases_in_force(stack) == 0)
    time.sleep(LEASE_S)
    assert leases_in_force(stack) == 0
    assert read_spool(stack, recording) == sealed
    assert held(stack, recording) == set()
    stack.stop("serve", "jobs")
    stack.school.config.write_text(before, "utf-8")
    stack.start("serve", "jobs")
    stack.wait_home(recording)
    home.check_home(stack, recording)


def leases_in_force(stack: Stack) -> int:
    """Count the leases under which a unit could send now."""
    with home.looking_in(stack) as services, services.database.reading() as session:
        return len(repo.leases_in_force(session, services.clock()))


def test_everybody_asked_to_end_while_recording_leaves_a_closed_lesson_that_comes_home(stack: Stack) -> None:
    """SIGTERM of all seven at once: all end by themselves, the lesson is sealed, closed as stopped, then delivered."""
    recording = stack.press()
    time.sleep(1.0)
    stack.stop(*EVERYBODY)
    key = load_verifying_key(stack.school.unit / "data" / "identity" / "recorder.pub")
    manifest = parse_manifest((stack.school.spool / recording / "manifest").read_bytes(), key)
    assert manifest.closed is not None
    assert manifest.closed.reason is CloseReason.STOPPED
    assert all(isinstance(segment.ended, Sealed) for segment in manifest.segments)
    stack.restore()
    stack.wait_home(recording)
    home.check_home(stack, recording)
