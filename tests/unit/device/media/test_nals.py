"""Access units in Annex-B form: every packing, and each keyframe with the parameter sets that it needs."""

import av
import pytest
from av.bitstream import BitStreamFilterContext

from device.media.nals import AnnexbWriter, DamagedUnit, join_annexb, kind_of, split_annexb, split_configuration
from tests.footage import FootageCache

SPS, OTHER_SPS = b"\x67\x42\x00\x1e\x80", b"\x67\x64\x00\x1e\x80"
SECOND_SPS = b"\x67\x42\x00\x1e\x40"
PPS, SLICE, IDR, DELIMITER, NOTE = b"\x68\xc8", b"\x41\xf1", b"\x65\xf0", b"\x09\xf0", b"\x06\x05"
AVCC = b"\x01\x42\x00\x1e\xff\xe1\x00\x05" + SPS + b"\x01\x00\x02" + PPS


def prefixed(*units: bytes) -> bytes:
    """Pack units as MP4 does."""
    return b"".join(len(unit).to_bytes(4, "big") + unit for unit in units)


def written(writer: AnnexbWriter, *units: bytes, keyframe: bool = False) -> list[bytes]:
    """What the writer makes of an access unit."""
    return split_annexb(writer.write(prefixed(*units), keyframe=keyframe))


@pytest.mark.parametrize(
    "name", ["bigbuckbunny", "bikes", "quicktime", "matroska_b_frames", "transport_stream", "open_gop", "baseline_60"]
)
def test_ordinary_footage_is_written_as_ffmpeg_writes_it(footage: FootageCache, name: str) -> None:
    """For films whose sets never change, unit for unit what FFmpeg's own filter gives."""
    with av.open(str(footage.path(name))) as container:
        track = container.streams.video[0]
        writer, theirs = (
            AnnexbWriter(track.codec_context.extradata or b""),
            BitStreamFilterContext("h264_mp4toannexb", track),
        )
        packets = [packet for packet in container.demux(track) if packet.size]
        for packet in packets:
            ours = writer.write(bytes(packet), keyframe=packet.is_keyframe)
            assert [split_annexb(bytes(each)) for each in theirs.filter(packet)] == [split_annexb(ours)]
    assert len(packets) > 90


def test_idr_picture_gets_the_sets_before_its_slices_and_after_a_delimiter() -> None:
    """At the place where decoders look for them."""
    assert written(AnnexbWriter(AVCC), NOTE, IDR, IDR) == [NOTE, SPS, PPS, IDR, IDR]
    assert written(AnnexbWriter(AVCC), DELIMITER, NOTE, IDR) == [DELIMITER, SPS, PPS, NOTE, IDR]


def test_idr_picture_keeps_its_own_sets() -> None:
    """Nothing is doubled; of two kinds the missing one is added."""
    assert written(AnnexbWriter(AVCC), SPS, PPS, IDR) == [SPS, PPS, IDR]
    assert written(AnnexbWriter(AVCC), SPS, IDR) == [SPS, PPS, IDR]


def test_set_that_the_stream_replaced_stays_replaced() -> None:
    """The container's old SPS never comes back, not even before an IDR picture that carries none."""
    writer = AnnexbWriter(AVCC)
    assert written(writer, OTHER_SPS, PPS, IDR) == [OTHER_SPS, PPS, IDR]
    assert written(writer, IDR) == [OTHER_SPS, PPS, IDR]


def test_keyframe_that_is_no_idr_picture_gets_sets_only_after_a_change() -> None:
    """Players insert the container's sets before such a picture, and those are the wrong ones by then."""
    writer = AnnexbWriter(AVCC)
    assert written(writer, SLICE, keyframe=True) == [SLICE]
    writer.reconfigure(AVCC.replace(SPS, OTHER_SPS))
    assert written(writer, SLICE) == [SLICE]
    assert written(writer, SLICE, keyframe=True) == [OTHER_SPS, PPS, SLICE]


def test_sets_of_another_number_stand_beside_each_other() -> None:
    """Two SPS with different numbers are both in force."""
    writer = AnnexbWriter(AVCC)
    written(writer, SECOND_SPS, SLICE)
    assert set(written(writer, IDR)) == {SPS, SECOND_SPS, PPS, IDR}


@pytest.mark.parametrize(
    "data", [b"", b"\x00\x00", prefixed(SLICE)[:-1], prefixed(SLICE) + b"\x00\x00\x00\x09\x41", bytes(40)]
)
def test_damaged_unit_is_refused(data: bytes) -> None:
    """What is cut off or empty is no picture."""
    with pytest.raises(DamagedUnit):
        AnnexbWriter(AVCC).write(data, keyframe=False)


def test_start_code_within_a_unit_is_damage() -> None:
    """Written with start codes, such bytes would fall apart into other units than were given."""
    with pytest.raises(DamagedUnit, match="start code"):
        AnnexbWriter(AVCC).write(prefixed(SLICE + b"\x00\x00\x01\x41"), keyframe=False)


def test_start_codes_are_understood_without_a_configuration() -> None:
    """A transport stream has no configuration and start codes of both lengths."""
    data = b"\x00\x00\x01" + SPS + b"\x00\x00\x00\x01" + PPS + b"\x00\x00\x01" + IDR + b"\x00\x00"
    assert split_annexb(AnnexbWriter(b"").write(data, keyframe=True)) == [SPS, PPS, IDR]
    with pytest.raises(DamagedUnit):
        AnnexbWriter(b"").write(prefixed(IDR), keyframe=True)


@pytest.mark.parametrize("length", range(len(AVCC)))
def test_cut_configuration_gives_what_is_whole(length: int) -> None:
    """No byte too few makes a crash, and nothing is invented."""
    units = split_configuration(AVCC[:length])
    assert all(kind_of(unit) in (7, 8) for unit in units)
    AnnexbWriter(AVCC[:length])


def test_configuration_is_read_in_both_forms() -> None:
    """Both `avcC` and Annex-B are found in containers."""
    assert split_configuration(AVCC) == split_configuration(join_annexb([SPS, PPS])) == [SPS, PPS]
