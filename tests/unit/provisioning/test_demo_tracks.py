"""How the demo's judge reads a file: access units of any packing, the parameter sets in force, sound in its place."""

from __future__ import annotations

import io
from pathlib import Path

import av
import numpy as np
import pytest

from provisioning.demo.nals import Normaliser, NotAPicture, read_numbers, split_nals, split_prefixed
from provisioning.demo.tracks import SOUND_RATE, read_tracks
from tests.footage import find_footage, run_ffmpeg

SPS, OTHER_SPS = b"\x67\x42\x00\x1e\x80", b"\x67\x64\x00\x1e\x80"
PPS, SLICE, IDR = b"\x68\xc8", b"\x41\xf1", b"\x65\xf0"
AVCC = b"\x01\x42\x00\x1e\xff\xe1\x00\x05" + SPS + b"\x01\x00\x02" + PPS


def prefixed(*nals: bytes) -> bytes:
    """Pack units as MP4 does."""
    return b"".join(len(nal).to_bytes(4, "big") + nal for nal in nals)


def test_digest_is_the_same_in_both_packings() -> None:
    """Start codes or lengths, a delimiter or none, sets inside or outside: the same picture."""
    inside = Normaliser(b"").digest(
        b"\x00\x00\x01\x09\xf0\x00\x00\x00\x01" + SPS + b"\x00\x00\x01" + PPS + b"\x00\x00\x01" + IDR
    )
    assert inside == Normaliser(AVCC).digest(prefixed(IDR))


def test_digest_follows_the_sets_in_force() -> None:
    """A new SPS in the stream is in force until the next one, and changes what the same slice means."""
    normaliser = Normaliser(AVCC)
    before = normaliser.digest(prefixed(SLICE))
    normaliser.digest(prefixed(OTHER_SPS, IDR))
    after = normaliser.digest(prefixed(SLICE))
    assert before[0] == after[0]
    assert before[1] != after[1]
    normaliser.configure(AVCC)
    assert normaliser.digest(prefixed(SLICE)) == before


def test_digest_sees_one_changed_byte() -> None:
    """Neither a slice nor another unit may differ."""
    assert Normaliser(AVCC).digest(prefixed(SLICE)) != Normaliser(AVCC).digest(prefixed(SLICE[:-1] + b"\xf2"))
    assert Normaliser(AVCC).digest(prefixed(b"\x06\x05", SLICE)) != Normaliser(AVCC).digest(prefixed(SLICE))


@pytest.mark.parametrize("packet", [b"", b"\x00", prefixed(SLICE)[:-1], prefixed(SLICE) + b"\x00\x00\x01"])
def test_picture_that_is_cut_is_none(packet: bytes) -> None:
    """Half a picture is not compared as if it were whole."""
    with pytest.raises(NotAPicture):
        Normaliser(AVCC).digest(packet)


def test_split_nals_takes_both_start_codes_and_drops_padding() -> None:
    """Three- and four-byte start codes and trailing zero bytes give the same units."""
    annex_b = b"\x00\x00\x00\x01\x67a\x00\x00\x01\x65b\x00\x00\x00\x01\x41c\x00"
    assert split_nals(annex_b) == list(split_prefixed(prefixed(b"\x67a", b"\x65b", b"\x41c\x00"), 4))


def test_numbers_are_read_around_emulation_prevention() -> None:
    """1, 010, 011, 00100 are 0, 1, 2, 3; a byte 3 after two zero bytes is not part of them."""
    assert read_numbers(bytes([0b10100110, 0b01000000]), 4) == [0, 1, 2, 3]
    assert read_numbers(b"\x00\x00\x03\x80\x00\x80", 1) == [1 << 16]


def test_sound_has_the_level_of_its_channels(tmp_path: Path) -> None:
    """Two equal channels mixed to one are as loud as each, so that a level can be compared at all."""
    film = tmp_path / "film.mov"
    tone = ("-f", "lavfi", "-i", "sine=duration=2", "-c:a", "pcm_s16le", "-ac", "2")
    run_ffmpeg("-i", find_footage("bikes.mp4"), *tone, "-c:v", "copy", "-t", "2", film)
    with av.open(str(film)) as container:
        each = float(np.abs(next(container.decode(audio=0)).to_ndarray()).max()) / 32_768
    assert float(np.abs(read_tracks(film).sound).max()) == pytest.approx(each, rel=0.02)


def test_track_that_players_choose_is_read(tmp_path: Path) -> None:
    """Of two sound tracks the one marked as default, of two video tracks the first with H.264."""
    film = tmp_path / "film.mkv"
    bikes = find_footage("bikes.mp4")
    quiet_first = ("-f", "lavfi", "-i", "anullsrc=duration=2", "-f", "lavfi", "-i", "sine=duration=2")
    mapped = ("-map", "3:v", "-map", "2:v", "-map", "0:a", "-map", "1:a", "-t", "2")
    codecs = ("-c:v:0", "mpeg4", "-c:v:1", "copy", "-disposition:a:0", "0", "-disposition:a:1", "default")
    picture = ("-i", bikes, "-f", "lavfi", "-i", "testsrc=size=64x64:duration=2")
    run_ffmpeg(*quiet_first, *picture, *mapped, *codecs, film)
    tracks = read_tracks(film)
    assert len(tracks.video) > 40
    assert float(np.abs(tracks.sound).max()) > 0.1


def test_reading_survives_flipped_bits_in_pictures_and_sound() -> None:
    """A damaged file is read as far as it goes; nothing is raised."""
    film = bytearray(find_footage("bigbuckbunny.mp4").read_bytes())
    for at in range(60_000, 900_000, 4_001):
        film[at] ^= 0x10
    tracks = read_tracks(io.BytesIO(bytes(film)))
    assert len(tracks.video) > 100
    assert len(tracks.sound) > SOUND_RATE


def test_no_video_at_all_is_an_error() -> None:
    """A judge that could not read anything says so."""
    with pytest.raises(av.FFmpegError):
        read_tracks(io.BytesIO(b"This is not a film. " * 100))
