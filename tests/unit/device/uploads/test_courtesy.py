"""Making way: the rate falls when bytes wait in queues, comes back when they do not, and no line is ever starved."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.uploads.courtesy import HISTORY, LEAST_BPS, LEAST_SHARE, MINUTE_S, TARGET_S, Courtesy, RoundTrip
from device.uploads.parcel import Pacer
from device.uploads.roundtrip import ask_round_trip, parse_tcp_info
from tests.fakes.spooled import spool_recording
from tests.fakes.world import FakeWorld
from tests.unit.device.uploads.conftest import NOW, Night

LEASE_BPS = 8_000_000
BASE_S = 0.02


def trip(queue_s: float) -> RoundTrip:
    """Make a round trip of which so much is waiting in queues."""
    return RoundTrip(now_s=BASE_S + queue_s, least_s=BASE_S)


def seconds(courtesy: Courtesy, count: float, queue_s: float, *, start_s: float) -> Courtesy:
    """Let so many seconds pass with this queue, while as much is sent as may be."""
    for number in range(round(count * 4)):
        sent_bps = courtesy.limit(LEASE_BPS)
        courtesy = courtesy.note(trip(queue_s), sent_bps=sent_bps, now_s=start_s + number / 4)
    return courtesy


@dataclass
class Bottleneck:
    """A line of `line_bps` with a queue, on which others send, too; its round trip is what a kernel would measure."""

    world: FakeWorld
    line_bps: int
    others_bps: float = 0.0
    queue_bits: float = 0.0
    sent_bits: float = 0.0
    at_s: float = 0.0

    def send(self, size_bytes: int) -> None:
        """Put bytes of ours into the queue."""
        self.drain()
        self.sent_bits += size_bytes * 8
        self.queue_bits += size_bytes * 8

    def drain(self) -> None:
        """Let time pass at the line: others send, and it takes away what it can."""
        past_s, self.at_s = self.world.monotonic_s - self.at_s, self.world.monotonic_s
        self.queue_bits = max(0.0, self.queue_bits + past_s * (self.others_bps - self.line_bps))
        self.queue_bits = min(self.queue_bits, self.line_bps * 2.0)  # two seconds of buffer; more is dropped

    def round_trip(self) -> RoundTrip:
        """Give the round trip of now."""
        self.drain()
        return trip(self.queue_bits / self.line_bps)


def send_for(bottleneck: Bottleneck, pacer: Pacer, duration_s: float) -> float:
    """Send as a body does for so long; give the rate that came of it."""
    world, before = bottleneck.world, bottleneck.sent_bits
    until_s = world.monotonic_s + duration_s
    while world.monotonic_s < until_s:
        pacer.wait_for(10_000, lambda: LEASE_BPS)
        bottleneck.send(10_000)
    return (bottleneck.sent_bits - before) / duration_s


def make_line(line_bps: int) -> tuple[Bottleneck, Pacer]:
    """Make a line and the pacer of a unit on it."""
    world = FakeWorld(NOW)
    bottleneck = Bottleneck(world, line_bps, at_s=world.monotonic_s)
    return bottleneck, Pacer(world.world, world, bottleneck.round_trip)


def test_rate_of_the_lease_holds_on_an_idle_line() -> None:
    """Where nothing waits nobody is made way for: the lease's rate is reached."""
    bottleneck, pacer = make_line(20_000_000)
    assert send_for(bottleneck, pacer, 60) == pytest.approx(LEASE_BPS, rel=0.05)


def test_unit_makes_way_within_seconds_and_comes_back() -> None:
    """When others fill the line the unit falls far below its lease, and is back at it half a minute after they left."""
    bottleneck, pacer = make_line(20_000_000)
    send_for(bottleneck, pacer, 30)
    bottleneck.others_bps = 18_000_000
    send_for(bottleneck, pacer, 10)
    assert send_for(bottleneck, pacer, 20) < LEASE_BPS / 2
    assert bottleneck.queue_bits / bottleneck.line_bps < 3 * TARGET_S
    bottleneck.others_bps = 0
    send_for(bottleneck, pacer, 30)
    assert send_for(bottleneck, pacer, 20) == pytest.approx(LEASE_BPS, rel=0.05)


def test_own_queue_on_a_narrow_line_stays_short_and_the_line_is_used() -> None:
    """A lease above what the line gives fills the line and not its buffer."""
    bottleneck, pacer = make_line(3_000_000)
    send_for(bottleneck, pacer, 30)
    assert send_for(bottleneck, pacer, 60) == pytest.approx(3_000_000, rel=0.1)
    assert bottleneck.queue_bits / bottleneck.line_bps < 3 * TARGET_S


@given(st.lists(st.tuples(st.floats(0, 5), st.floats(0, 2e9)), max_size=80))
def test_rate_is_never_above_the_lease_nor_below_its_least(history: list[tuple[float, float]]) -> None:
    """Whatever the round trips say, the lease is kept, and an eighth of what was sent before is left."""
    courtesy = Courtesy()
    for number, (queue_s, sent_bps) in enumerate(history):
        courtesy = courtesy.note(trip(queue_s), sent_bps=sent_bps, now_s=number / 4)
        assert 1 <= courtesy.limit(LEASE_BPS) <= LEASE_BPS
        if courtesy.rate_bps is not None:
            assert courtesy.rate_bps >= max(LEAST_BPS, courtesy.top_bps * LEAST_SHARE) * 0.999


def test_moment_in_which_the_socket_took_nothing_is_not_what_was_sent_before() -> None:
    """A full socket buffer at the very moment of the first fall does not take the rate to the ground."""
    courtesy = seconds(Courtesy(), 10, 0, start_s=0)
    for number in range(200):
        sent_bps = 0 if number < 4 else courtesy.limit(LEASE_BPS)
        courtesy = courtesy.note(trip(1.0), sent_bps=sent_bps, now_s=10 + number / 4)
    assert courtesy.limit(LEASE_BPS) == pytest.approx(LEASE_BPS * LEAST_SHARE, rel=0.5)


def test_one_late_acknowledgement_is_no_queue() -> None:
    """The least of the last few round trips counts."""
    courtesy = seconds(Courtesy(), 10, 0, start_s=0)
    courtesy = courtesy.note(trip(1.0), sent_bps=LEASE_BPS, now_s=10)
    assert courtesy.limit(LEASE_BPS) == LEASE_BPS


def test_longer_way_is_learnt_after_the_history() -> None:
    """When the way itself has become longer, that is the least after ten minutes, and the lease's rate comes back."""
    courtesy = seconds(Courtesy(), 10, 0, start_s=0)
    longer = RoundTrip(now_s=BASE_S + 0.5, least_s=BASE_S + 0.5)
    for number in range(round(4 * MINUTE_S * (HISTORY + 2))):
        courtesy = courtesy.note(longer, sent_bps=courtesy.limit(LEASE_BPS), now_s=10 + number / 4)
        if number == 40:
            assert courtesy.limit(LEASE_BPS) <= LEASE_BPS * 2 * LEAST_SHARE
    assert courtesy.limit(LEASE_BPS) == LEASE_BPS


def test_kernel_tells_the_round_trip_of_a_connection() -> None:
    """Over loopback: some of it was measured, the least is no more than what is now, and a closed one tells nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        near = socket.create_connection(server.getsockname())
        far, _ = server.accept()
        with near, far:
            near.sendall(b"x" * 1000)
            assert far.recv(1000)
            far.sendall(b"y")
            assert near.recv(1)
            found = ask_round_trip(near)
            assert found is not None
            assert 0 < found.least_s <= found.now_s < 10
        assert ask_round_trip(near) is None


@pytest.mark.parametrize(
    "data", [b"", bytes(104), bytes(152), b"\x00" * 68 + b"\x10\x27\x00\x00" + b"\x00" * 76 + b"\xff" * 4]
)
def test_kernel_that_has_measured_nothing_tells_nothing(data: bytes) -> None:
    """An older kernel's shorter answer, and a connection without a round trip so far, are no round trip."""
    assert parse_tcp_info(data) is None


def test_client_tells_the_round_trip_of_the_connection_it_sends_on(night: Night) -> None:
    """While bodies leave, the door knows the round trip of the very connection; before any request it knows none."""
    assert night.client.round_trip() is None
    spooled = spool_recording(night.unit, began_at=NOW - timedelta(hours=8), sizes=(20_000,))
    found: list[RoundTrip | None] = []
    night.world.on_wait = lambda: found.append(night.client.round_trip())
    night.grant(night.lease(rate_bps=80_000))
    night.deliver(spooled)
    assert any(found)
