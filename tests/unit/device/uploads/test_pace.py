"""The token bucket and the paced body: the rate over any stretch, the size of pieces and blocks."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.uploads.pace import LEAST_BURST_BYTES, Bucket, piece_bytes
from device.uploads.parcel import PacedBody, Pacer, SpoolFileError
from tests.fakes.world import FakeWorld
from tests.unit.device.uploads.conftest import NOW


@given(
    rate_bps=st.integers(8_000, 10_000_000_000),
    takes=st.lists(st.tuples(st.integers(1, 65_536), st.floats(0, 100)), min_size=1, max_size=60),
)
def test_bucket_keeps_the_rate_over_any_stretch(rate_bps: int, takes: list[tuple[int, float]]) -> None:
    """However takes and pauses alternate, what left by any time is at most rate times time plus one burst."""
    bucket, now_s, taken = Bucket(rate_bps), 0.0, 0
    for count, pause_s in takes:
        bucket, wait_s = bucket.take(count, now_s)
        now_s += wait_s
        taken += count
        assert taken <= now_s * rate_bps / 8 + bucket.burst_bytes + 1
        now_s += pause_s


def test_bucket_does_not_wait_more_than_it_must() -> None:
    """A steady sender reaches the rate: a thousand takes of 10 kB at 80 Mbit/s take one second."""
    bucket, now_s = Bucket(80_000_000), 0.0
    for _ in range(1000):
        bucket, wait_s = bucket.take(10_000, now_s)
        now_s += wait_s
    assert now_s == pytest.approx(1.0, rel=0.001)


def test_bucket_takes_up_a_new_rate() -> None:
    """After a change of the rate, waiting follows the new one; what came in before came in at the old one."""
    bucket, _ = Bucket(8_000).take(LEAST_BURST_BYTES, 0.0)
    assert bucket.with_rate(80_000, 0.0).wait_s == pytest.approx(LEAST_BURST_BYTES / 10_000)
    assert bucket.with_rate(80_000, 1.0).wait_s == pytest.approx((LEAST_BURST_BYTES - 1000) / 10_000)


@pytest.mark.parametrize(("before_bps", "after_bps"), [(8_000, 8_000_000), (8_000_000, 8_000)])
def test_pacer_takes_up_a_new_rate_while_it_waits(before_bps: int, after_bps: int) -> None:
    """A raise ends a long wait within a slice, and a lowering lengthens what is left of a short one."""
    world, rates = FakeWorld(NOW), [before_bps]
    pacer = Pacer(world.world, world)
    pacer.wait_for(before_bps // 8, lambda: rates[-1])
    world.on_wait = lambda: rates.append(after_bps)
    world.waited_s.clear()
    pacer.wait_for(before_bps // 8 * 2, lambda: rates[-1])
    first_s, rest_s = world.waited_s[0], sum(world.waited_s[1:])
    owed_bytes = before_bps / 8 * (2 - first_s)
    assert first_s <= 0.25
    assert rest_s == pytest.approx(owed_bytes * 8 / after_bps, rel=0.01)


@pytest.mark.parametrize(
    ("rate_bps", "expected"), [(8_000, 65_536), (800_000, 1_000_000), (8_000_000, 4_194_304), (10**9, 4_194_304)]
)
def test_piece_is_about_ten_seconds_and_never_more_than_allowed(rate_bps: int, expected: int) -> None:
    """A request carries ten seconds' worth, at least 64 KiB, at most the configured piece."""
    assert piece_bytes(rate_bps, 4 * 1024 * 1024) == expected


def make_body(path: Path, count: int, rate_bps: int) -> tuple[PacedBody, FakeWorld]:
    world = FakeWorld(NOW)
    pacer = Pacer(world.world, world)
    return PacedBody(path.open("rb"), count, pacer=pacer, rate_bps=lambda: rate_bps), world


def test_body_gives_exactly_its_piece_in_small_blocks(tmp_path: Path) -> None:
    """A body announces its length, gives exactly those bytes, and never more than was asked for at once."""
    path = tmp_path / "file"
    data = bytes(range(256)) * 1000
    path.write_bytes(data + b"more")
    body, _ = make_body(path, len(data), 10**9)
    blocks = []
    while block := body.read(16_384):
        blocks.append(block)
    body._file.close()
    assert len(body) == len(data)
    assert b"".join(blocks) == data
    assert max(map(len, blocks)) == 16_384


def test_body_of_a_slow_lease_leaves_in_small_blocks(tmp_path: Path) -> None:
    """At a low rate no block is longer than a tenth of a second or 4 KiB."""
    path = tmp_path / "file"
    path.write_bytes(bytes(100_000))
    body, _ = make_body(path, 100_000, 800_000)
    assert len(body.read(65_536)) == 10_000
    body._file.close()


def test_body_of_a_file_that_shrank_says_so(tmp_path: Path) -> None:
    """A file that ends before its announced length is told as damage of the card, not sent short."""
    path = tmp_path / "file"
    path.write_bytes(bytes(100))
    body, _ = make_body(path, 200, 10**9)
    body.read(100)
    with pytest.raises(SpoolFileError, match="100 bytes too early"):
        body.read(100)
    body._file.close()
