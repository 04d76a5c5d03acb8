"""Films that the project has never seen: each is recorded equal, as far as it goes, or refused with a sentence.

Camera, muxer and judge, without the journey between them; `tests/e2e` takes some of these films all the way.
"""

import io
from pathlib import Path

import pytest

from device.hardware.replay import AS_FAST_AS_TAKEN, ReplayCamera, ReplaySettings
from device.media.errors import InputRefused
from device.media.inputs import inspect_input
from device.media.muxer import MuxerOutput, TakeMuxer
from provisioning.demo.compare import compare
from provisioning.demo.tracks import Tracks, read_tracks
from tests.fakes.clock import LeapingClock
from tests.fakes.sink import CollectingSink
from tests.footage import FootageCache
from tests.unseen import CUT, EQUAL, FILMS, FROM_THE_MIDDLE, UNUSABLE


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> FootageCache:
    """Films by name, made once."""
    return FootageCache(tmp_path_factory.mktemp("unseen"), FILMS)


def record(path: Path) -> tuple[bytes, str]:
    """Replay a film into a take; what came out, and what the camera said at its end when the film was not whole."""
    camera = ReplayCamera(path, clock=LeapingClock(), settings=ReplaySettings(speed=AS_FAST_AS_TAKEN))
    sink = CollectingSink()
    camera.start(sink)
    sink.wait_over()
    camera.stop()
    assert sink.faults == []
    muxer, outputs = TakeMuxer(camera.picture), list[MuxerOutput]()
    for item in sink.items:
        outputs += muxer.add_audio(item) if hasattr(item, "samples") else muxer.add_video(item)
    outputs += muxer.close()
    said = sink.ends[0].detail.removeprefix(f"{path}: ")
    return b"".join(output.data for output in outputs), said


def unmet(went_in: Tracks, came_out: bytes) -> list[str]:
    """The comparisons that do not hold."""
    findings = compare(went_in, read_tracks(io.BytesIO(came_out)))
    return [f"{finding.what}: {finding.figures}" for finding in findings if not finding.holds]


@pytest.mark.parametrize("name", EQUAL)
def test_unseen_film_is_recorded_equal(films: FootageCache, name: str) -> None:
    """Pictures byte for byte, their times and sets, how they are turned, and the sound: as they went in."""
    data, said = record(films.path(name))
    assert unmet(read_tracks(films.path(name)), data) == []
    assert said == "played to its end"


@pytest.mark.parametrize("name", CUT)
def test_broken_film_is_recorded_as_far_as_it_goes(films: FootageCache, name: str) -> None:
    """What is there comes out equal, and what is missing is said."""
    data, said = record(films.path(name))
    assert unmet(read_tracks(films.path(name)), data) == []
    assert CUT[name][2] in said


def test_stream_from_the_middle_begins_with_its_first_keyframe(films: FootageCache) -> None:
    """What no keyframe explains cannot be shown and is not recorded; the rest is equal."""
    path = films.path(FROM_THE_MIDDLE[0])
    source = read_tracks(path)
    data, _ = record(path)
    assert not source.video[0].keyframe
    assert unmet(source, data) == []
    assert 15 < len(read_tracks(io.BytesIO(data)).video) < len(source.video)


@pytest.mark.parametrize("name", UNUSABLE)
def test_unusable_file_is_refused_in_one_sentence(films: FootageCache, name: str) -> None:
    """The sentence names the file, what was found, and what to do."""
    path = films.path(name)
    with pytest.raises(InputRefused) as refusal:
        inspect_input(path)
    words = str(refusal.value)
    assert words.startswith(f"{path}: ")
    assert UNUSABLE[name][2] in words
    assert "\n" not in words
    assert any(advice in words for advice in ("ffmpeg -i INPUT", "give the path of a video file"))


def test_fields_of_a_transport_stream_become_whole_pictures(films: FootageCache) -> None:
    """Fifty pictures of two fields each: fifty access units, not a hundred of which half have no time."""
    data, _ = record(films.path("fields_in_a_transport_stream"))
    assert len(read_tracks(io.BytesIO(data)).video) == 50


@pytest.mark.parametrize(("name", "most_s"), [("trimmed_end", 1.1), ("two_stretches", 1.4), ("stretch_twice", 1.3)])
def test_what_an_edit_list_hides_is_not_shown(films: FootageCache, name: str, most_s: float) -> None:
    """A phone's trimmed film is as long as the phone shows it."""
    data, _ = record(films.path(name))
    times = sorted(unit.pts_ticks or 0 for unit in read_tracks(io.BytesIO(data)).video)
    assert (times[-1] - times[0]) / 90_000 < most_s
