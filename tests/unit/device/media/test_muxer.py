"""The muxer of one take: what comes out when, the sound track that has no hole, and what it refuses."""

import io
import math
import subprocess
import tracemalloc
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from device.hardware.ports import SOUND_RATE_HZ, TICKS_PER_S, AudioFrame, PictureFacts, VideoPacket
from device.media.boxes import iterate_boxes
from device.media.demux import read_footage, read_video
from device.media.errors import TakeBroken
from device.media.muxer import Fragment, InitSegment, MuxerOutput, TakeMuxer, TakeSummary
from tests.footage import find_footage

PICTURE_TICKS = TICKS_PER_S // 25


@pytest.fixture(scope="module")
def bikes() -> list[VideoPacket]:
    """Ten seconds with B-frames and six keyframes."""
    return list(read_video(find_footage("bikes.mp4")))


@pytest.fixture(scope="module")
def bunny() -> list[VideoPacket]:
    """Five seconds with a single keyframe."""
    return list(read_video(find_footage("bigbuckbunny.mp4")))


def mux(items: Iterable[VideoPacket | AudioFrame], picture: PictureFacts | None = None) -> list[MuxerOutput]:
    """Put a whole take through a muxer."""
    return mux_take(items, picture)[0]


def mux_take(
    items: Iterable[VideoPacket | AudioFrame], picture: PictureFacts | None = None
) -> tuple[list[MuxerOutput], TakeSummary]:
    """Put a whole take through a muxer, and return its summary too."""
    muxer, outputs = TakeMuxer(picture or PictureFacts()), []
    for item in items:
        outputs += muxer.add_video(item) if isinstance(item, VideoPacket) else muxer.add_audio(item)
    outputs += muxer.close()
    return outputs, muxer.summary


def fragments_of(outputs: Sequence[MuxerOutput]) -> list[Fragment]:
    """Everything but the init segment."""
    return [output for output in outputs if isinstance(output, Fragment)]


def tone(*, start_s: float, seconds: float, pieces: int = 1) -> list[AudioFrame]:
    """A loud 440 Hz tone at a place in the source's time."""
    count = round(seconds * SOUND_RATE_HZ / pieces)
    values = array("h", (round(12_000 * math.sin(2 * math.pi * 440 * at / SOUND_RATE_HZ)) for at in range(count)))
    ticks = [round((start_s + piece * seconds / pieces) * TICKS_PER_S) for piece in range(pieces)]
    return [AudioFrame(values.tobytes(), SOUND_RATE_HZ, pts) for pts in ticks]


def decode_sound(outputs: Sequence[MuxerOutput]) -> "np.ndarray[tuple[int], np.dtype[np.float32]]":
    """The take's sound as a decoder hears it, from sample 0."""
    with av.open(io.BytesIO(b"".join(output.data for output in outputs))) as container:
        frames = [frame.to_ndarray().reshape(-1) for frame in container.decode(container.streams.audio[0])]
    return np.concatenate(frames)


def loud_range_s(sound: "np.ndarray[tuple[int], np.dtype[np.float32]]") -> tuple[float, float]:
    """Where sound begins and ends, in seconds."""
    (loud,) = np.nonzero(np.abs(sound) > 0.1)
    return float(loud[0]) / SOUND_RATE_HZ, float(loud[-1]) / SOUND_RATE_HZ


def in_order(*streams: Iterable[VideoPacket | AudioFrame]) -> list[VideoPacket | AudioFrame]:
    """Merge as a camera would give it."""
    items = [item for stream in streams for item in stream]
    return sorted(items, key=lambda item: item.dts if isinstance(item, VideoPacket) else item.pts)


def test_init_segment_comes_once_and_first(bikes: list[VideoPacket]) -> None:
    """`ftyp` and `moov` with one video and one audio track, before any fragment."""
    outputs = mux(bikes)
    assert [type(output) for output in outputs[:2]] == [InitSegment, Fragment]
    assert sum(isinstance(output, InitSegment) for output in outputs) == 1
    assert [kind for kind, _ in iterate_boxes(outputs[0].data)] == [b"ftyp", b"moov"]


def test_fragments_are_moof_and_mdat_and_nothing_else(bikes: list[VideoPacket]) -> None:
    """No index at the end (`mfra`), which would point to places that segments do not have."""
    for fragment in fragments_of(mux(bikes)):
        assert [kind for kind, _ in iterate_boxes(fragment.data)] == [b"moof", b"mdat"]


def test_fragments_are_gapless_and_short(bikes: list[VideoPacket], bunny: list[VideoPacket]) -> None:
    """Each begins where the one before ended, and lasts about half a second, with rare keyframes too."""
    for packets in (bikes, bunny):
        fragments = fragments_of(mux(packets))
        assert fragments[0].start_ticks == 0
        for before, after in pairwise(fragments):
            assert after.start_ticks == before.start_ticks + before.duration_ticks
        assert max(fragment.duration_ticks for fragment in fragments) <= 0.53 * TICKS_PER_S
        assert sum(fragment.duration_ticks for fragment in fragments) == len(packets) * PICTURE_TICKS


def test_each_keyframe_begins_a_fragment(bikes: list[VideoPacket]) -> None:
    """A segment can be cut at every keyframe of the source."""
    keyframes = [packet.dts - bikes[0].dts for packet in bikes if packet.keyframe]
    assert [f.start_ticks for f in fragments_of(mux(bikes)) if f.begins_with_keyframe] == keyframes


def test_same_packets_give_the_same_bytes(bikes: list[VideoPacket]) -> None:
    """No date, version or chance is in the output."""
    assert mux(bikes) == mux(bikes)


def test_fragment_leaves_as_soon_as_the_next_begins(bunny: list[VideoPacket]) -> None:
    """With sound arriving in step, at most one fragment and a few pictures are held back (promise P4)."""
    muxer = TakeMuxer(PictureFacts())
    sound = tone(start_s=bunny[0].dts / TICKS_PER_S, seconds=5.28, pieces=132)
    given, left = 0, 0
    for packet, frame in zip(bunny, sound, strict=True):
        for output in (*muxer.add_video(packet), *muxer.add_audio(frame)):
            left += output.duration_ticks if isinstance(output, Fragment) else 0
        given += packet.duration
        assert given - left <= 0.7 * TICKS_PER_S
    muxer.close()


def test_fragment_leaves_without_any_microphone(bunny: list[VideoPacket]) -> None:
    """A missing microphone delays by the patience with late sound, and never holds pictures back for good."""
    muxer, left = TakeMuxer(PictureFacts()), 0
    for packet in bunny:
        left += sum(f.duration_ticks for f in fragments_of(muxer.add_video(packet)))
        assert packet.dts - bunny[0].dts - left <= 1.15 * TICKS_PER_S
    muxer.close()


def test_picture_times_are_the_sources(bikes: list[VideoPacket]) -> None:
    """Presentation times with B-frames are exact to the tick, relative to the take's origin."""
    with av.open(io.BytesIO(b"".join(output.data for output in mux(bikes)))) as container:
        found = [packet.pts for packet in container.demux(container.streams.video[0]) if packet.size]
    assert found == [packet.pts - bikes[0].dts for packet in bikes]


def test_first_packets_before_a_keyframe_are_dropped_and_counted(bikes: list[VideoPacket]) -> None:
    """A take begins with a picture that can be shown."""
    outputs, summary = mux_take(bikes[3:])
    assert summary.pictures_before_keyframe == next(i for i, p in enumerate(bikes[3:]) if p.keyframe)
    assert fragments_of(outputs)[0].begins_with_keyframe


def test_take_without_keyframe_is_empty(bikes: list[VideoPacket]) -> None:
    """No keyframe, no file: nothing comes out, and the summary says how much was dropped."""
    outputs, summary = mux_take([packet for packet in bikes if not packet.keyframe])
    assert (outputs, summary.pictures, summary.pictures_before_keyframe) == ([], 0, 244)


def test_without_microphone_there_is_silence_to_the_end(bunny: list[VideoPacket]) -> None:
    """The audio track exists and is as long as the pictures."""
    sound = decode_sound(mux(bunny))
    assert float(np.abs(sound).max()) < 0.001
    assert len(sound) / SOUND_RATE_HZ == pytest.approx(5.28, abs=0.03)


def test_sound_is_where_its_timestamps_say(bunny: list[VideoPacket]) -> None:
    """A tone from 1 s to 3 s is heard from 1 s to 3 s, within lip synchrony, silence around it."""
    base_s = bunny[0].dts / TICKS_PER_S
    outputs, summary = mux_take(in_order(bunny, tone(start_s=base_s + 1, seconds=2, pieces=100)))
    begins_s, ends_s = loud_range_s(decode_sound(outputs))
    assert (begins_s, ends_s) == (pytest.approx(1.0, abs=0.02), pytest.approx(3.0, abs=0.02))
    assert summary.sound_samples == 2 * SOUND_RATE_HZ


def test_sound_that_stops_and_comes_back_stays_in_step(bunny: list[VideoPacket]) -> None:
    """A microphone that is pulled and put back leaves a silence of just that length."""
    base_s = bunny[0].dts / TICKS_PER_S
    first = tone(start_s=base_s, seconds=1, pieces=50)
    second = tone(start_s=base_s + 4, seconds=1, pieces=50)
    sound = decode_sound(mux(in_order(bunny, first, second)))
    assert float(np.abs(sound[round(1.1 * SOUND_RATE_HZ) : round(3.9 * SOUND_RATE_HZ)]).max()) < 0.01
    assert loud_range_s(sound[2 * SOUND_RATE_HZ :])[0] == pytest.approx(2.0, abs=0.02)


def test_sound_before_the_first_picture_is_dropped(bunny: list[VideoPacket]) -> None:
    """Sound is kept from the first keyframe on: nothing is captured that no picture belongs to."""
    base_s = bunny[0].dts / TICKS_PER_S
    early = tone(start_s=base_s - 2, seconds=1)
    assert float(np.abs(decode_sound(mux([*early, *bunny]))).max()) < 0.001


def test_sound_later_than_patience_is_dropped_not_shifted(bunny: list[VideoPacket]) -> None:
    """Sound that comes two seconds after its picture has been replaced by silence, and says so in the summary."""
    late = tone(start_s=bunny[0].dts / TICKS_PER_S, seconds=0.5)
    outputs, summary = mux_take([*bunny[:60], *late, *bunny[60:]])
    assert float(np.abs(decode_sound(outputs)).max()) < 0.001
    assert summary.late_samples == SOUND_RATE_HZ // 2


def test_sound_track_declares_its_decoder_configuration(bunny: list[VideoPacket]) -> None:
    """Browsers refuse AAC without an AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2): mono, 48 kHz, low complexity."""
    with av.open(io.BytesIO(b"".join(output.data for output in mux(bunny)))) as container:
        extradata = container.streams.audio[0].codec_context.extradata
    assert extradata is not None
    assert extradata[:2] == bytes([0x11, 0x88])


def test_display_matrix_stands_in_the_track_header(bunny: list[VideoPacket]) -> None:
    """A camera that hangs upside down is turned by every player."""
    turned = (-(1 << 16), 0, 0, 0, -(1 << 16), 0, 1280 << 16, 720 << 16, 1 << 30)
    data = b"".join(output.data for output in mux(bunny, PictureFacts(display_matrix=turned)))
    with av.open(io.BytesIO(data)) as container:
        assert abs(next(container.decode(video=0)).rotation) == 180


def test_parameter_sets_from_the_camera_are_used_when_the_keyframe_has_none(bunny: list[VideoPacket]) -> None:
    """An encoder that gives SPS and PPS apart, once, can still be recorded."""
    sets, bare = split_parameter_sets(bunny[0].data)
    packets = [replace(bunny[0], data=bare), *bunny[1:]]
    with pytest.raises(TakeBroken, match="SPS and PPS"):
        mux(packets)
    assert sum(f.duration_ticks for f in fragments_of(mux(packets, PictureFacts(parameter_sets=sets)))) == 475_200


def split_parameter_sets(unit: bytes) -> tuple[bytes, bytes]:
    """An access unit's SPS and PPS, and the rest."""
    nals = [nal for nal in unit.replace(b"\x00\x00\x00\x01", b"\x00\x00\x01").split(b"\x00\x00\x01") if nal]
    sets = b"".join(b"\x00\x00\x00\x01" + nal for nal in nals if nal[0] & 31 in (7, 8))
    return sets, b"".join(b"\x00\x00\x00\x01" + nal for nal in nals if nal[0] & 31 not in (7, 8))


@pytest.mark.parametrize(
    ("dts", "pts"),
    [(0, 0), (-5, 10_000), (7200, 7199)],
    ids=["the same dts again", "dts backwards", "shown before it is decoded"],
)
def test_times_that_go_backwards_break_the_take(bunny: list[VideoPacket], dts: int, pts: int) -> None:
    """Times that cannot be are refused with both numbers, and what came before is kept."""
    muxer = TakeMuxer(PictureFacts())
    muxer.add_video(bunny[0])
    base = bunny[0].dts
    with pytest.raises(TakeBroken, match=f"dts {dts} and pts {pts}"):
        muxer.add_video(replace(bunny[1], dts=base + dts, pts=base + pts))
    assert [type(output) for output in muxer.close()] == [Fragment]


def test_jump_of_an_hour_breaks_the_take(bunny: list[VideoPacket]) -> None:
    """A camera whose clock jumped ends the take instead of filling an hour with silence."""
    muxer, hour = TakeMuxer(PictureFacts()), 3600 * TICKS_PER_S
    muxer.add_video(bunny[0])
    with pytest.raises(TakeBroken, match="pictures jumped"):
        muxer.add_video(replace(bunny[1], dts=bunny[1].dts + hour, pts=bunny[1].pts + hour))
    with pytest.raises(TakeBroken, match="sound jumped"):
        muxer.add_audio(AudioFrame(bytes(960), SOUND_RATE_HZ, bunny[0].dts + hour))
    muxer.close()


def test_picture_that_is_shown_an_hour_late_breaks_the_take(bunny: list[VideoPacket]) -> None:
    """A damaged time is refused before the MP4 writer, which could not tell whose it was; the rest is kept."""
    muxer, hour = TakeMuxer(PictureFacts()), 3600 * TICKS_PER_S
    muxer.add_video(bunny[0])
    with pytest.raises(TakeBroken, match="shown more than"):
        muxer.add_video(replace(bunny[1], pts=bunny[1].pts + hour))
    assert [type(output) for output in muxer.close()] == [Fragment]


def test_sound_of_another_rate_is_refused(bunny: list[VideoPacket]) -> None:
    """The source resamples; guessing here would change the pitch."""
    muxer = TakeMuxer(PictureFacts())
    with pytest.raises(TakeBroken, match="44100 Hz, expected 48000"):
        muxer.add_audio(AudioFrame(bytes(960), 44_100, 0))


def test_keyframe_that_is_no_h264_breaks_the_take() -> None:
    """Bytes without parameter sets cannot begin a take."""
    with pytest.raises(TakeBroken, match="SPS and PPS"):
        TakeMuxer(PictureFacts()).add_video(VideoPacket(bytes(500), 0, 0, PICTURE_TICKS, keyframe=True))


def test_closed_muxer_takes_nothing_more(bunny: list[VideoPacket]) -> None:
    """A new take needs a new muxer; closing twice is harmless."""
    muxer = TakeMuxer(PictureFacts())
    muxer.add_video(bunny[0])
    assert muxer.close()
    assert muxer.close() == ()
    with pytest.raises(ValueError, match="closed"):
        muxer.add_video(bunny[1])


def test_a_long_take_holds_no_more_than_a_short_one(bikes: list[VideoPacket]) -> None:
    """Packets are let go: what Python holds for the muxer is the same after six and after thirty rounds of the film."""
    muxer = TakeMuxer(PictureFacts())
    span = bikes[-1].dts + bikes[-1].duration - bikes[0].dts

    def record(rounds: range) -> int:
        for number in rounds:
            for packet in bikes:
                muxer.add_video(replace(packet, pts=packet.pts + number * span, dts=packet.dts + number * span))
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        after_one = record(range(6))
        after_twelve = record(range(6, 30))
    finally:
        tracemalloc.stop()
    muxer.close()
    assert after_twelve - after_one < 64 * 1024


def test_every_segment_plays_alone(tmp_path: Path) -> None:
    """The stock ffprobe decodes init segment plus any run of fragments that begins with a keyframe, all pictures."""
    outputs = mux(read_footage(find_footage("bikes.mp4")))
    fragments = fragments_of(outputs)
    starts = [i for i, fragment in enumerate(fragments) if fragment.begins_with_keyframe]
    total = 0
    for start, end in zip(starts, [*starts[1:], len(fragments)], strict=True):
        path = tmp_path / f"{start}.mp4"
        path.write_bytes(b"".join([outputs[0].data, *(f.data for f in fragments[start:end])]))
        total += count_pictures(path)
    assert total == 250


def count_pictures(path: Path) -> int:
    """Decode with the stock ffprobe; it must have nothing to say."""
    command = ["ffprobe", "-v", "error", "-count_frames", "-select_streams", "v", "-show_entries"]
    command += ["stream=nb_read_frames", "-of", "default=nokey=1:noprint_wrappers=1", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr == ""
    return int(done.stdout)
