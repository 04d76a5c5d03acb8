"""The replay camera: pace, repetition, ends and faults; what it reads is tested in `tests/unit/device/media`."""

import itertools
import math
from pathlib import Path

import pytest

from device.hardware.ports import TICKS_PER_S, CameraFault, EndReason, NotForProduction, Purpose, require_fit
from device.hardware.replay import AS_FAST_AS_TAKEN, InputRefused, ReplayCamera, ReplaySettings
from device.media.demux import footage_ticks, read_footage
from tests.fakes.clock import LeapingClock, ManualClock
from tests.fakes.sink import CollectingSink
from tests.footage import FootageCache


def play(path: Path, settings: ReplaySettings, clock: ManualClock | None = None) -> CollectingSink:
    """Play to the end."""
    camera, sink = ReplayCamera(path, clock=clock or LeapingClock(), settings=settings), CollectingSink()
    camera.start(sink)
    sink.wait_over()
    camera.stop()
    return sink


@pytest.mark.parametrize("speed", [1.0, 4.0])
def test_pace_is_the_films_own(footage: FootageCache, speed: float) -> None:
    """Each item is due when its timestamp says, divided by the speed."""
    clock = LeapingClock()
    play(footage.path("bikes"), ReplaySettings(speed=speed), clock)
    ticks = [footage_ticks(item) for item in read_footage(footage.path("bikes"))]
    due = [1000.0 + (at - ticks[0]) / TICKS_PER_S / speed for at in ticks]
    assert clock.deadlines == pytest.approx(due)


def test_fast_replay_waits_for_nobody(footage: FootageCache) -> None:
    """As fast as taken: the clock is not asked at all."""
    clock = LeapingClock()
    sink = play(footage.path("bikes"), ReplaySettings(speed=AS_FAST_AS_TAKEN), clock)
    assert (clock.deadlines, len(sink.video)) == ([], 250)


def test_replay_gives_pictures_and_sound_in_order_of_time(footage: FootageCache) -> None:
    """A file with its sound anywhere is given as a camera would: no item is older than the one before."""
    ticks = [footage_ticks(item) for item in play(footage.path("bigbuckbunny"), ReplaySettings(speed=math.inf)).items]
    assert ticks == sorted(ticks)


def test_repetition_goes_on_where_it_ended(footage: FootageCache) -> None:
    """Played three times: times rise throughout, and each round has the same pictures."""
    sink = play(footage.path("bigbuckbunny"), ReplaySettings(speed=math.inf, plays=3))
    video = sink.video
    assert [packet.data for packet in video[:132]] == [packet.data for packet in video[132:264]]
    assert all(after.dts > before.dts for before, after in itertools.pairwise(video))
    length = video[132].dts - video[0].dts
    assert length == pytest.approx(5.312 * TICKS_PER_S, abs=1)
    assert video[264].dts - video[132].dts == length


def test_end_says_that_the_film_is_over(footage: FootageCache) -> None:
    """The recorder can tell a film's end from a fault."""
    sink = play(footage.path("bikes"), ReplaySettings(speed=math.inf))
    assert [end.reason for end in sink.ends] == [EndReason.FINISHED]
    assert sink.faults == []


def test_cut_off_film_ends_as_cut_off(footage: FootageCache) -> None:
    """What is there is given, then the end says how much is missing."""
    sink = play(footage.path("cut_off"), ReplaySettings(speed=math.inf))
    assert (len(sink.video), [end.reason for end in sink.ends]) == (67, [EndReason.CUT_OFF])
    assert "65 of 132 pictures are missing" in sink.ends[0].detail


def test_file_that_vanishes_is_a_fault(footage: FootageCache, tmp_path: Path) -> None:
    """A camera that cannot go on says so instead of falling silent."""
    path = tmp_path / "film.mp4"
    path.write_bytes(footage.path("bikes").read_bytes())
    camera, sink = ReplayCamera(path, clock=LeapingClock(), settings=ReplaySettings()), CollectingSink()
    path.unlink()
    camera.start(sink)
    sink.wait_over()
    camera.stop()
    assert [type(fault) for fault in sink.faults] == [CameraFault]
    assert str(path) in str(sink.faults[0])


def test_unusable_file_is_refused_before_any_press(footage: FootageCache) -> None:
    """The refusal comes when the camera is made, with the reason."""
    with pytest.raises(InputRefused, match=r"only H\.264"):
        ReplayCamera(footage.path("mpeg4_part_2"), clock=LeapingClock())


def test_replay_is_refused_in_production(footage: FootageCache) -> None:
    """A classroom unit never plays a film instead of recording."""
    camera = ReplayCamera(footage.path("bikes"), clock=LeapingClock())
    with pytest.raises(NotForProduction, match="REPLAY camera, not a classroom"):
        require_fit(camera, Purpose.PRODUCTION)


@pytest.mark.parametrize("wrong", [{"speed": 0.0}, {"speed": -1.0}, {"speed": math.nan}, {"plays": 0}])
def test_impossible_settings_are_refused(wrong: dict[str, float]) -> None:
    """A speed that is none, or no play at all."""
    with pytest.raises(ValueError, match=next(iter(wrong))):
        ReplaySettings(**wrong)
