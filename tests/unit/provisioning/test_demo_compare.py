"""The demo's judge: equal files pass, and every kind of difference is found."""

from __future__ import annotations

import io
from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest

from provisioning.demo.compare import compare, correlate
from provisioning.demo.tracks import SOUND_RATE, Look, Tracks, read_tracks


def make_video(*, seconds: float = 2.0, sound: bool = True, seed: int = 1) -> io.BytesIO:
    """Encode a small moving picture and, if wanted, noise."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        video = container.add_stream("libx264", rate=25, options={"preset": "ultrafast", "g": "25"})
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        tone = container.add_stream("aac", rate=48_000, layout="mono") if sound else None
        for at in range(round(seconds * 25)):
            picture = np.full((48, 64, 3), (at * 5) % 255, np.uint8)
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture)))
        container.mux(video.encode())
        if tone is not None:
            noise = np.random.default_rng(seed).normal(0, 0.2, round(seconds * 48_000)).astype(np.float32)
            smooth = np.convolve(noise, np.ones(12, np.float32) / 12, "same")[np.newaxis]  # AAC keeps low tones best
            frame = av.AudioFrame.from_ndarray(smooth, "fltp", "mono")
            frame.sample_rate = 48_000
            container.mux(tone.encode(frame))
            container.mux(tone.encode())
    return file


@pytest.fixture(scope="module")
def tracks() -> Tracks:
    """A video with sound, read once."""
    return read_tracks(make_video())


def failed(went_in: Tracks, came_out: Tracks) -> set[str]:
    """Name the findings that do not hold."""
    return {finding.what for finding in compare(went_in, came_out) if not finding.holds}


def test_compare_accepts_a_file_and_itself(tracks: Tracks) -> None:
    """What came out as it went in passes every comparison."""
    assert failed(tracks, tracks) == set()


def test_compare_finds_one_changed_picture(tracks: Tracks) -> None:
    """One access unit with other bytes is found."""
    changed = (*tracks.video[:3], replace(tracks.video[3], digest="0" * 64), *tracks.video[4:])
    assert failed(tracks, replace(tracks, video=changed)) == {"pictures"}


def test_compare_finds_a_missing_and_a_doubled_picture(tracks: Tracks) -> None:
    """A picture too few or too many is found."""
    assert "pictures" in failed(tracks, replace(tracks, video=tracks.video[:-1]))
    assert "pictures" in failed(tracks, replace(tracks, video=(*tracks.video, tracks.video[-1])))


def test_compare_finds_a_timestamp_two_ticks_off(tracks: Tracks) -> None:
    """One tick is rounding, two are an error."""
    for ticks, expected in ((1, set()), (2, {"timestamps"})):
        late = replace(tracks.video[-1], pts_ticks=tracks.video[-1].pts_ticks + ticks)
        assert failed(tracks, replace(tracks, video=(*tracks.video[:-1], late))) == expected


def test_compare_finds_one_picture_with_other_parameter_sets(tracks: Tracks) -> None:
    """A picture with the wrong SPS would be decoded wrongly though its bytes are equal."""
    changed = (*tracks.video[:7], replace(tracks.video[7], sets="0" * 64), *tracks.video[8:])
    assert failed(tracks, replace(tracks, video=changed)) == {"parameter sets"}


def test_compare_finds_a_lost_keyframe(tracks: Tracks) -> None:
    """A keyframe that is none any more cannot be sought."""
    at = next(at for at, unit in enumerate(tracks.video) if at and unit.keyframe)
    changed = (*tracks.video[:at], replace(tracks.video[at], keyframe=False), *tracks.video[at + 1 :])
    assert failed(tracks, replace(tracks, video=changed)) == {"pictures"}


def test_compare_finds_pictures_that_lie_on_their_side_or_are_stretched(tracks: Tracks) -> None:
    """A turned film that is played upright, and pixels of another shape, are seen by everyone."""
    turned = replace(tracks, look=Look(b"a quarter turn", Fraction(1)))
    assert failed(turned, tracks) == {"turn and shape"}
    assert failed(replace(tracks, look=Look(b"", Fraction(4, 3))), tracks) == {"turn and shape"}


def test_compare_finds_sound_that_is_late(tracks: Tracks) -> None:
    """Sound that is 40 ms late is found, and 10 ms are not called an error."""
    assert "sound's samples" in failed(tracks, replace(tracks, sound_begins_s=tracks.sound_begins_s + 0.04))
    assert failed(tracks, replace(tracks, sound_begins_s=tracks.sound_begins_s + 0.01)) == set()


@pytest.mark.parametrize("factor", [0.5, 0.75, 1.4])
def test_compare_finds_sound_at_another_level(tracks: Tracks, factor: float) -> None:
    """Sound that correlates fully but is much quieter or louder is found."""
    assert failed(tracks, replace(tracks, sound=tracks.sound * np.float32(factor))) == {"sound's samples"}


def test_compare_finds_a_short_hole_in_the_sound(tracks: Tracks) -> None:
    """A tenth of a second of silence hides in the correlation of a window, and is found all the same."""
    torn = tracks.sound.copy()
    torn[16_000:17_600] = 0
    assert failed(tracks, replace(tracks, sound=torn)) == {"sound's samples"}


def test_compare_finds_sound_that_ends_with_the_pictures_though_it_went_on(tracks: Tracks) -> None:
    """Sound after the last picture belongs to the film."""
    longer = replace(tracks, sound=np.concatenate([tracks.sound, tracks.sound]))
    assert failed(longer, tracks) == {"sound's length"}
    assert failed(longer, longer) == set()


def test_compare_finds_other_sound_and_silence(tracks: Tracks) -> None:
    """Other samples, silence, a missing track and half a track are found."""
    other = read_tracks(make_video(seed=2)).sound
    assert "sound's samples" in failed(tracks, replace(tracks, sound=other))
    assert "sound's samples" in failed(tracks, replace(tracks, sound=np.zeros_like(tracks.sound)))
    assert "sound" in failed(tracks, replace(tracks, sound=np.zeros(0, np.float32)))
    assert "sound's length" in failed(tracks, replace(tracks, sound=tracks.sound[: SOUND_RATE // 2]))
    assert "sound's length" in failed(tracks, replace(tracks, sound=tracks.sound[: -SOUND_RATE // 4]))


def test_compare_expects_silence_where_no_sound_went_in(tracks: Tracks) -> None:
    """A source without sound comes back with a silent track, and noise in it is found."""
    mute = read_tracks(make_video(sound=False))
    silent = replace(mute, sound=np.zeros(SOUND_RATE * 2, np.float32))
    assert failed(mute, silent) == set()
    assert failed(mute, replace(mute, sound=tracks.sound)) == {"sound"}


def test_compare_fails_when_nothing_came_out(tracks: Tracks) -> None:
    """An empty recording is no success."""
    assert {"pictures", "timestamps"} <= failed(tracks, replace(tracks, video=()))


def test_correlate_gives_the_lag() -> None:
    """A piece that is 160 samples late correlates fully at 10 ms."""
    given = np.random.default_rng(3).normal(0, 1, SOUND_RATE).astype(np.float32)
    value, lag_s = correlate(given, np.concatenate([np.zeros(160, np.float32), given]))
    assert value == pytest.approx(1.0, abs=1e-3)
    assert lag_s == pytest.approx(0.01)
