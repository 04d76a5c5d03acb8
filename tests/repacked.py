"""Films put together packet by packet, in ways for which the stock ffmpeg has no option."""

from pathlib import Path

import av

from tests.footage import FootageCache


def with_amr_sound(cache: FootageCache, out: Path) -> None:
    """An old phone's film: sound in AMR, whose encoder Debian's ffmpeg lacks and PyAV's brings along."""
    with av.open(str(cache.path("plain"))) as source, av.open(str(out), "w") as container:
        video = container.add_stream_from_template(source.streams.video[0])
        sound = container.add_stream("libopencore_amrnb", rate=8000, layout="mono")
        sound.bit_rate = 12_200
        narrow = av.AudioResampler(format="s16", layout="mono", rate=8000)
        for packet in source.demux():
            if packet.size and packet.stream.type == "video":
                packet.stream = video
                container.mux(packet)
            elif packet.size:
                for frame in packet.decode():
                    for converted in narrow.resample(frame):
                        container.mux(sound.encode(converted))
        container.mux(sound.encode(None))


def join_with_new_sets(cache: FootageCache, out: Path) -> None:
    """Two encodings in one track; the second one's parameter sets stand once, before its first picture.

    Whoever puts the container's own sets before a later keyframe of the second half spoils it.
    """
    with (
        av.open(str(cache.path("baseline"))) as first,
        av.open(str(cache.path("keyframes"))) as second,
        av.open(str(out), "w") as container,
    ):
        track = container.add_stream_from_template(first.streams.video[0])
        avcc = second.streams.video[0].codec_context.extradata or b""
        ends = 0
        for source, begins in ((first, b""), (second, _prefixed_sets(avcc))):
            shift = ends
            for packet in source.demux(video=0):
                if not packet.size or packet.pts is None or packet.dts is None:
                    continue
                copy = av.Packet(begins + bytes(packet))
                begins = b""
                copy.stream, copy.time_base, copy.is_keyframe = track, packet.time_base, packet.is_keyframe
                copy.pts, copy.dts, copy.duration = packet.pts + shift, packet.dts + shift, packet.duration
                container.mux(copy)
                ends = max(ends, copy.pts + 3 * packet.duration)


def _prefixed_sets(avcc: bytes) -> bytes:
    """SPS and PPS of an `avcC` with one of each, with lengths of four bytes."""
    length = int.from_bytes(avcc[6:8], "big")
    sps, rest = avcc[8 : 8 + length], avcc[9 + length :]
    pps = rest[2 : 2 + int.from_bytes(rest[:2], "big")]
    return b"".join(len(unit).to_bytes(4, "big") + unit for unit in (sps, pps))
