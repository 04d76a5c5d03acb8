"""What goes in comes out: every kind of footage through reader and muxer, judged by the demo's own comparison.

Pictures byte for byte, timestamps within a tick, sound by length and correlation; the stock ffmpeg decodes the result
without a word.
"""

import io
import subprocess
from pathlib import Path

import av
import pytest

from device.hardware.ports import SOUND_RATE_HZ, VideoPacket
from device.media.demux import read_footage
from device.media.errors import InputBroken
from device.media.inputs import inspect_input
from device.media.muxer import MuxerOutput, TakeMuxer, TakeSummary
from provisioning.demo.compare import Finding, compare
from provisioning.demo.tracks import read_tracks
from tests.footage import CUT_OFF, RECORDABLE, FootageCache


def record(path: Path) -> tuple[bytes, TakeSummary, str]:
    """Record a file as one take; also what was said about its end."""
    muxer, outputs, said = TakeMuxer(inspect_input(path).picture), list[MuxerOutput](), ""
    try:
        for item in read_footage(path):
            outputs += muxer.add_video(item) if isinstance(item, VideoPacket) else muxer.add_audio(item)
    except InputBroken as broken:
        said = str(broken)
    outputs += muxer.close()
    return b"".join(output.data for output in outputs), muxer.summary, said


def unmet(findings: tuple[Finding, ...]) -> list[Finding]:
    """The findings that do not hold."""
    return [finding for finding in findings if not finding.holds]


@pytest.mark.parametrize("name", RECORDABLE)
def test_recording_equals_the_footage(footage: FootageCache, tmp_path: Path, name: str) -> None:
    """Pictures, times and sound of the recording are those of the file, and the file was read to its end."""
    source = footage.path(name)
    data, _, said = record(source)
    findings = compare(read_tracks(source), read_tracks(io.BytesIO(data)))
    assert unmet(findings) == []
    assert said == ""
    assert decode_with_ffmpeg(data, tmp_path) == ""


@pytest.mark.parametrize("name", CUT_OFF)
def test_cut_off_footage_is_recorded_as_far_as_it_goes(footage: FootageCache, tmp_path: Path, name: str) -> None:
    """What is there comes out, equal, and that the rest is missing is said."""
    source = footage.path(name)
    data, summary, said = record(source)
    assert "cut off" in said
    assert 40 < summary.pictures < 100
    assert unmet(compare(read_tracks(source), read_tracks(io.BytesIO(data)))) == []
    assert decode_with_ffmpeg(data, tmp_path) == ""


def test_damaged_sound_costs_no_picture(footage: FootageCache) -> None:
    """Sound that cannot be decoded becomes silence; every picture is there."""
    data, summary, said = record(footage.path("damaged_sound"))
    assert (summary.pictures, said) == (132, "")
    assert summary.silent_samples > SOUND_RATE_HZ
    assert sound_length_s(data) == pytest.approx(5.28, abs=0.05)


def test_short_sound_is_followed_by_silence(footage: FootageCache) -> None:
    """Three seconds of sound in ten of pictures: a sound track of ten, in step."""
    data, summary, _ = record(footage.path("short_sound"))
    assert sound_length_s(data) == pytest.approx(10.08, abs=0.05)
    assert summary.sound_samples == pytest.approx(3 * SOUND_RATE_HZ, abs=2048)


def test_delayed_pictures_keep_their_distance_to_the_sound(footage: FootageCache) -> None:
    """Sound of the 0.4 s before the first picture is dropped; what is left is in step (the judge's correlation)."""
    _, summary, _ = record(footage.path("delayed_pictures"))
    assert summary.sound_samples == pytest.approx((5.312 - 0.4) * SOUND_RATE_HZ, abs=2048)


def test_rotation_survives(footage: FootageCache) -> None:
    """The recording is turned as the file was."""
    source = footage.path("rotated")
    data, _, _ = record(source)
    with av.open(io.BytesIO(data)) as container:
        assert next(container.decode(video=0)).rotation == inspect_input(source).rotation_degrees


def test_six_channels_become_one(footage: FootageCache) -> None:
    """The recording's sound is mono, whatever came in."""
    data, _, _ = record(footage.path("bigbuckbunny"))
    with av.open(io.BytesIO(data)) as container:
        assert container.streams.audio[0].codec_context.channels == 1


def sound_length_s(data: bytes) -> float:
    """Decoded seconds of the sound track."""
    with av.open(io.BytesIO(data)) as container:
        return sum(frame.samples for frame in container.decode(audio=0)) / SOUND_RATE_HZ


def decode_with_ffmpeg(data: bytes, folder: Path) -> str:
    """Decode everything with the stock ffmpeg and return its complaints."""
    path = folder / "recording.mp4"
    path.write_bytes(data)
    command = ["ffmpeg", "-nostdin", "-v", "warning", "-i", str(path), "-f", "null", "-"]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stderr
