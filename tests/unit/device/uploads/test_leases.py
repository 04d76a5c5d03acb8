"""Bytes leave only under a lease that holds, at its rate, and stop when it ends or a newer one fences it."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest

from device.counters import count
from protocol.commands import Task
from protocol.counters import encode_counters
from tests.fakes.ingest import Fault
from tests.fakes.spooled import spool_recording
from tests.school import WEEK, new_id
from tests.unit.device.uploads.conftest import NOW, Night

EVENING = NOW - timedelta(hours=8)
SLOW_BPS = 8 * 1000  # a thousand bytes a second


def arrived_bytes(night: Night) -> int:
    """Add up what the controller has got."""
    return sum(len(upload.data) for upload in night.ingest.uploads.values())


def test_rate_of_the_lease_is_kept(night: Night) -> None:
    """Sending N bytes under a lease of R bits a second waits for at least N·8/R seconds, less the first burst."""
    spooled = spool_recording(night.unit, began_at=EVENING, sizes=(100_000,))
    night.grant(night.lease(rate_bps=80_000))
    night.deliver(spooled)
    waited_s = (night.world.now_at - NOW).total_seconds()
    assert spooled.total_bytes * 8 / 80_000 - 2 < waited_s < spooled.total_bytes * 8 / 80_000 + 10


def test_sending_stops_when_the_lease_ends(night: Night) -> None:
    """Not one block leaves after `not_after`; under the next lease sending goes on at the acknowledged offset."""
    spooled = spool_recording(night.unit, began_at=EVENING, sizes=(200_000,))
    night.grant(night.lease(rate_bps=SLOW_BPS, lasts=timedelta(seconds=60)))
    for _ in range(8):
        night.turn()
    assert 0 < arrived_bytes(night) <= 60 * 1000 + 16 * 1024
    assert night.ingest.count("GET", "/lease") > 0
    before = arrived_bytes(night)
    night.grant(night.lease(fence=2))
    night.deliver(spooled)
    assert before > 20_000
    assert night.ingest.count("POST") == 2


def test_a_newer_fence_in_the_state_stops_the_old_and_goes_on(night: Night) -> None:
    """A lease with a higher fence that arrives while bytes flow replaces the old one within a second of waiting."""
    spooled = spool_recording(night.unit, began_at=EVENING, sizes=(100_000,))
    night.grant(night.lease(rate_bps=SLOW_BPS))

    def replace_lease() -> None:
        if night.world.now_at > NOW + timedelta(seconds=30) and not night.ingest.fence:
            night.ingest.fence = 2
            night.grant(night.lease(fence=2))

    night.world.on_wait = replace_lease
    night.deliver(spooled)
    assert night.world.now_at < NOW + timedelta(seconds=60)
    assert night.ingest.count("POST") == 2


@pytest.mark.parametrize(("before_bps", "after_bps"), [(SLOW_BPS, 1_000_000), (1_000_000, SLOW_BPS)])
def test_another_rate_reaches_a_running_request_within_a_second(night: Night, before_bps: int, after_bps: int) -> None:
    """The same fence at another rate, up or down, is obeyed inside a running PATCH: nothing is cut or asked again."""
    spooled = spool_recording(night.unit, began_at=EVENING, sizes=(300_000,))
    night.grant(night.lease(rate_bps=before_bps))
    renewed_at_s: list[float] = []

    def renew() -> None:
        if not renewed_at_s and arrived_bytes(night) > 8_000:
            night.grant(night.lease(rate_bps=after_bps, version=2))
            renewed_at_s.append(night.world.monotonic_s)

    night.world.on_wait = renew
    night.deliver(spooled)
    took_s = night.world.monotonic_s - renewed_at_s[0]
    in_a_second = before_bps // 8 + 32_000  # and one burst
    most_s = 1 + spooled.total_bytes * 8 / after_bps
    assert night.ingest.count("HEAD") == 0
    assert (spooled.total_bytes - 12_000 - in_a_second) * 8 / after_bps < took_s < most_s


def test_a_renewed_lease_carries_a_request_over_the_older_end(night: Night) -> None:
    """What is being sent goes on to the end of the newest version, and later requests show that version."""
    spooled = spool_recording(night.unit, began_at=EVENING, sizes=(60_000,))
    night.grant(night.lease(rate_bps=SLOW_BPS, lasts=timedelta(seconds=20)))

    def renew() -> None:
        if night.world.now_at > NOW + timedelta(seconds=15):
            night.grant(night.lease(rate_bps=SLOW_BPS, lasts=timedelta(minutes=10), version=2))
            night.world.on_wait = None

    night.world.on_wait = renew
    night.deliver(spooled)
    assert night.world.now_at > NOW + timedelta(seconds=40)
    assert night.ingest.count("HEAD") == 0
    assert night.ingest.count("GET", "/lease") == 0


def test_a_newer_version_of_a_refused_lease_is_used(night: Night) -> None:
    """A controller that says `lease_expired` to a version that is over hears of the renewed one at the next step."""
    spooled = spool_recording(night.unit, began_at=EVENING)
    night.grant()
    renewed = night.lease(version=2)
    night.ingest.faults.append(Fault("PUT", status=403, code="lease_expired", action=lambda: night.grant(renewed)))
    night.deliver(spooled)
    assert night.ingest.count("PUT") == 2
    assert night.ingest.count("GET", "/lease") == 0


@pytest.mark.parametrize("code", ["lease_fenced", "lease_expired", "outside_window"])
def test_a_refused_lease_is_dropped_and_another_asked_for(night: Night, code: str) -> None:
    """After a 403 the refused lease is not tried again; the one that is fetched then is, and nobody is needed."""
    spooled = spool_recording(night.unit, began_at=EVENING)
    night.grant()
    night.ingest.faults.append(Fault("PUT", status=403, code=code))
    for _ in range(4):
        night.turn()
    assert night.ingest.count("PUT") == 1
    assert night.ingest.count("GET", "/lease") > 0
    night.ingest.lease_line = night.lease(fence=2)
    night.deliver(spooled)
    assert night.record(spooled.recording).needs_person == ""


def test_a_lease_that_is_refused_in_mid_segment_is_replaced(night: Night) -> None:
    """A PATCH that is fenced keeps what was acknowledged; the rest follows under the new fence."""
    spooled = spool_recording(night.unit, began_at=EVENING, sizes=(20_000,))
    night.grant()
    night.ingest.lease_line = night.lease(fence=2)

    def fence_off() -> None:
        night.ingest.fence = 2

    whole = Fault("PATCH")
    night.ingest.faults.extend((whole, whole, whole, Fault("PATCH", action=fence_off)))
    night.deliver(spooled)
    assert night.ingest.count("POST") == 2


def test_a_lease_that_is_refused_while_asking_for_the_offset_keeps_the_upload(night: Night) -> None:
    """HEAD is refused without words; even so the upload that had begun is continued under the next lease."""
    spooled = spool_recording(night.unit, began_at=EVENING, sizes=(20_000,))
    night.grant()
    night.ingest.lease_line = night.lease(fence=2)

    def fence_off() -> None:
        night.ingest.fence = 2

    whole = Fault("PATCH")
    night.ingest.faults.extend((whole, whole, Fault("PATCH", cut_after=500), Fault("HEAD", action=fence_off)))
    night.deliver(spooled)
    assert [one.status for one in night.ingest.asked if one.method == "HEAD"] == [403, 200]
    assert night.ingest.count("POST") == 2


def test_a_lease_for_another_unit_is_no_lease(night: Night) -> None:
    """A genuine lease of the school that names another device opens nothing here."""
    spool_recording(night.unit, began_at=EVENING)
    night.grant(night.school.issue_lease("a" * 26))
    for _ in range(5):
        night.turn()
    assert night.ingest.manifests == {}


def test_a_unit_whose_clock_is_behind_follows_the_documents(night: Night) -> None:
    """A unit that believes it is years ago takes the time from the newest document that it has verified."""
    spooled = spool_recording(night.unit, began_at=EVENING)
    night.grant()
    night.ingest.now = lambda: NOW
    night.world.now_at = NOW - timedelta(days=1000)
    night.deliver(spooled)


def test_withdrawal_and_undo_come_over_https_and_no_log_tells_of_them(
    night: Night, caplog: pytest.LogCaptureFixture
) -> None:
    """Without a broker a unit hears of both; what is held about a recording lasts as long as that is in the spool."""
    spooled = spool_recording(night.unit, began_at=EVENING)
    withdrawal = night.school.issue_withdrawal(night.unit.device, new_id())
    undos = [night.school.issue_undo(night.unit.device, each) for each in (spooled.recording, new_id())]
    night.ingest.documents = (*night.ingest.documents, withdrawal, *undos)
    state = night.unit.data / "state"
    with caplog.at_level(logging.INFO):
        for _ in range(5):
            night.turn()
    assert (state / "withdrawal").read_bytes() == withdrawal
    assert [path.read_bytes() for path in (state / "undo").iterdir()] == undos[:1]
    assert "undo" not in caplog.text
    assert "withdrawal" not in caplog.text


def test_command_comes_over_https_and_the_units_counters_go_with_the_request(night: Night) -> None:
    """Without a broker a unit hears that it is retired, and the controller hears what it has counted."""
    retirement = night.school.issue_command(night.unit.device, Task.RETIRE, lasts=52 * WEEK, not_before=NOW)
    night.ingest.documents = (*night.ingest.documents, retirement)
    counted = count(night.unit.data / "state", birth=7, boot="5f0c", now=NOW)
    for _ in range(3):
        night.turn()
    assert (night.unit.data / "state" / "commands" / "retire").read_bytes() == retirement
    said = {one.counters for one in night.ingest.asked if one.path.endswith("/documents")}
    assert said == {encode_counters(counted)}


def test_the_end_of_the_process_stops_sending_at_once(night: Night) -> None:
    """When the process shall end, a paced body breaks off within a slice of waiting, and nothing is noted as wrong."""
    spooled = spool_recording(night.unit, began_at=EVENING, sizes=(500_000,))
    night.grant(night.lease(rate_bps=SLOW_BPS))

    def stop() -> None:
        night.world.stopped = night.world.now_at > NOW + timedelta(seconds=20)

    night.world.on_wait = stop
    night.uploader.run()
    assert night.world.now_at < NOW + timedelta(seconds=25)
    assert night.record(spooled.recording).failures == 0
    night.world.stopped, night.world.on_wait = False, None
    night.grant(night.lease(fence=2))
    night.restart()
    night.deliver(spooled)
    assert night.ingest.count("POST") == 2
