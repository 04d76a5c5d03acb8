"""What is said about a file of footage, and which files are refused, in words that help."""

import os
from pathlib import Path

import av
import pytest

from device.media.errors import InputRefused
from device.media.inputs import annexb_parameter_sets, inspect_input, text_options
from tests.footage import REFUSED, FootageCache


def test_facts_of_a_film(footage: FootageCache) -> None:
    """Size, rate, profile, length and sound are those of the file."""
    facts = inspect_input(footage.path("bigbuckbunny"))
    assert (facts.width, facts.height, facts.rate_fps, facts.profile) == (1280, 720, 25.0, "Main")
    assert facts.duration_s == pytest.approx(5.312)
    assert facts.sound is not None
    assert (facts.sound.codec, facts.sound.channels, facts.sound.rate_hz) == ("aac", 6, 48_000)
    assert facts.notes == ()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("cut_off_without_index", "index (moov) is missing"),
        ("mpeg4_part_2", "MPEG-4 part 2, and only H.264"),
        ("avi", "AVI does not say when each picture is shown"),
        ("bare_stream", "a bare H.264 stream does not say when"),
        ("sound_only", "no video in this file (it has audio AAC"),
        ("sound_with_cover", "no video in this file"),
        ("garbage", "not a video file"),
        ("text", "not a video file"),
        ("empty", "the file is empty"),
    ],
)
def test_refusal_says_why(footage: FootageCache, name: str, words: str) -> None:
    """Each kind of unusable file has its own message, which names the file."""
    path = footage.path(name)
    with pytest.raises(InputRefused) as refusal:
        inspect_input(path)
    assert words in str(refusal.value)
    assert str(path) in str(refusal.value)


def test_every_refused_variant_is_tested_here() -> None:
    """The list of refused files and the messages above are the same set."""
    marks = test_refusal_says_why.pytestmark  # type: ignore[attr-defined]
    assert {row[0] for row in marks[0].args[1]} == set(REFUSED)


def test_other_codec_is_refused_with_a_command_that_helps(footage: FootageCache) -> None:
    """A person can copy the command."""
    with pytest.raises(InputRefused, match="ffmpeg -i INPUT -c:v libx264"):
        inspect_input(footage.path("mpeg4_part_2"))


@pytest.mark.parametrize(("name", "words"), [("nothing.mp4", "no such file"), (".", "a folder, not a file")])
def test_missing_file_is_refused(tmp_path: Path, name: str, words: str) -> None:
    """A path that is no file is said to be none."""
    with pytest.raises(InputRefused, match=words):
        inspect_input(tmp_path / name)


def test_pipe_and_device_are_said_to_be_there(tmp_path: Path) -> None:
    """Whoever names a pipe or a device is not sent to look for a file that is there."""
    os.mkfifo(tmp_path / "pipe.mp4")
    for path in (tmp_path / "pipe.mp4", Path(os.devnull)):
        with pytest.raises(InputRefused, match=f"^{path}: not a regular file .*give the path of a video file"):
            inspect_input(path)


def test_rotation_is_read(footage: FootageCache) -> None:
    """A phone held upright: the display matrix is kept, and its angle told."""
    facts = inspect_input(footage.path("rotated"))
    assert abs(facts.rotation_degrees) == 90
    assert facts.picture.display_matrix is not None


def test_upright_film_has_no_matrix(footage: FootageCache) -> None:
    """Nothing is invented for a film that is not turned."""
    assert inspect_input(footage.path("bikes")).picture.display_matrix is None


def test_missing_sound_is_noted_not_refused(footage: FootageCache) -> None:
    """A silent film is recorded with a silent sound track."""
    facts = inspect_input(footage.path("bikes"))
    assert facts.sound is None
    assert any("no sound" in note for note in facts.notes)


def test_cut_off_end_is_noted_not_refused(footage: FootageCache) -> None:
    """A copy that stopped half-way says how much is missing."""
    assert any("65 of 132 pictures are missing" in note for note in inspect_input(footage.path("cut_off")).notes)


def test_parameter_sets_of_avcc_are_the_encoders(footage: FootageCache) -> None:
    """SPS and PPS out of an MP4's `avcC` begin with start codes and have the right types."""
    with av.open(str(footage.path("bikes"))) as container:
        avcc = container.streams.video[0].codec_context.extradata or b""
    sets = annexb_parameter_sets(avcc).split(b"\x00\x00\x00\x01")[1:]
    assert [nal[0] & 31 for nal in sets] == [7, 8]
    assert all(nal in avcc for nal in sets)


@pytest.mark.parametrize("extradata", [b"", b"\x00\x00\x00\x01\x67\x42"])
def test_parameter_sets_that_are_annexb_pass(extradata: bytes) -> None:
    """A transport stream's are in Annex-B form already."""
    assert annexb_parameter_sets(extradata) == extradata


@pytest.mark.parametrize("length", range(1, 12))
def test_cut_avcc_is_no_crash(footage: FootageCache, length: int) -> None:
    """Damaged decoder configuration gives what can be had."""
    with av.open(str(footage.path("bikes"))) as container:
        avcc = container.streams.video[0].codec_context.extradata or b""
    assert len(annexb_parameter_sets(avcc[:length])) <= length + 8


@pytest.mark.parametrize(
    ("pyav", "options"), [("18.1.0", {"metadata_errors": "replace"}), ("19.0.2", {}), ("20.0.0rc1", {})]
)
def test_text_options_are_those_that_a_release_knows(pyav: str, options: dict[str, str]) -> None:
    """PyAV 19, which Python 3.12 and newer get, refuses the option that older releases need."""
    assert text_options(pyav) == options
