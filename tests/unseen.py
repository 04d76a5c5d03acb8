"""Films as phones, cameras and editing programs make them, none of which the product was written for.

Each is made by the stock `ffmpeg` from its own sources, two seconds long, or by hand where no encoder makes it: edit
lists of several stretches (`tests/boxed.py`) and pictures coded as two fields (`tests/fielded.py`).
"""

from pathlib import Path

from tests.boxed import set_edits
from tests.fielded import write_fields
from tests.footage import FootageCache, Maker, find_footage, run_ffmpeg
from tests.repacked import join_with_new_sets, with_amr_sound

_SPEECH = "0.4*sin(2*PI*(300+200*sin(2*PI*0.7*t))*t)*(0.55+0.45*sin(2*PI*3.1*t))"
_SECOND = "0.3*sin(2*PI*500*t)*(0.5+0.5*sin(2*PI*1.3*t))"
_TWO_HOURS_AHEAD = "setts=ts=TS+if(gte(N\\,20)\\,7200/TB\\,0)"
_JITTER = "setpts='PTS+(random(1)*0.02-0.01)/TB'"


def _picture(rate: str, seconds: str) -> tuple[str, ...]:
    return ("-f", "lavfi", "-i", f"testsrc2=size=160x120:rate={rate}:duration={seconds}")


def _sound(rate_hz: int, seconds: str) -> tuple[str, ...]:
    return ("-f", "lavfi", "-i", f"aevalsrc={_SPEECH}|{_SECOND}:s={rate_hz}:d={seconds}")


def _made(*options: str, rate: str = "25", hz: int = 48_000, seconds: str = "2") -> Maker:
    """A film with sound; `options` may replace its encoding."""

    def make(cache: FootageCache, out: Path) -> None:
        encoding = ("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-bf", "2", "-ar", str(hz))
        run_ffmpeg(*_picture(rate, seconds), *_sound(hz, seconds), *encoding, *options, out)

    return make


def _silent(*options: str, rate: str = "25", seconds: str = "2") -> Maker:
    def make(cache: FootageCache, out: Path) -> None:
        run_ffmpeg(*_picture(rate, seconds), "-c:v", "libx264", "-preset", "veryfast", *options, out)

    return make


def _heard(source: str, *options: str) -> Maker:
    """A film with another sound."""

    def make(cache: FootageCache, out: Path) -> None:
        sound = ("-f", "lavfi", "-i", f"{source}:d=2")
        run_ffmpeg(*_picture("25", "2"), *sound, "-c:v", "libx264", "-pix_fmt", "yuv420p", *options, out)

    return make


def _copied(name: str, *options: str, before: tuple[str, ...] = ()) -> Maker:
    """The same packets of another film of this list."""

    def make(cache: FootageCache, out: Path) -> None:
        run_ffmpeg(*before, "-i", cache.path(name), "-c", "copy", *options, out)

    return make


def _shifted(*options: str, first: tuple[str, ...] = (), second: tuple[str, ...] = ()) -> Maker:
    """Pictures and sound of the plain film, moved against each other."""

    def make(cache: FootageCache, out: Path) -> None:
        plain = cache.path("plain")
        run_ffmpeg(*first, "-i", plain, *second, "-i", plain, "-map", "0:v", "-map", "1:a", "-c", "copy", *options, out)

    return make


def _cut(name: str, begins: float, ends: float) -> Maker:
    """The bytes of another film from one share of its length to another."""

    def make(cache: FootageCache, out: Path) -> None:
        whole = cache.path(name).read_bytes()
        out.write_bytes(whole[int(len(whole) * begins) : int(len(whole) * ends)])

    return make


def _edited(name: str, *stretches: tuple[float, float]) -> Maker:
    def make(cache: FootageCache, out: Path) -> None:
        out.write_bytes(set_edits(cache.path(name).read_bytes(), stretches))

    return make


def _cover(place: str) -> Maker:
    """A film with a still picture as another video track, as music and phone programs add it."""

    def make(cache: FootageCache, out: Path) -> None:
        still = out.with_suffix(".png")
        run_ffmpeg("-f", "lavfi", "-i", "testsrc=size=64x64:duration=0.04", "-frames:v", "1", still)
        inputs = ("-i", cache.path("plain"), "-i", still)
        order = ("-map", "1", "-map", "0") if place == "0" else ("-map", "0", "-map", "1")
        run_ffmpeg(*inputs, *order, "-c", "copy", f"-disposition:v:{place}", "attached_pic", out)
        still.unlink()

    return make


def _two_sounds(cache: FootageCache, out: Path) -> None:
    tone = ("-f", "lavfi", "-i", "sine=frequency=900:duration=2")
    chosen = ("-disposition:a:0", "0", "-disposition:a:1", "default")
    run_ffmpeg(
        "-i", cache.path("plain"), *tone, "-map", "0:v", "-map", "1:a", "-map", "0:a", "-c:v", "copy", *chosen, out
    )


def _unknown_sound(name: str) -> Maker:
    """The first sound track of another film in a format that nobody here knows, as new phones add one."""

    def make(cache: FootageCache, out: Path) -> None:
        film = cache.path(name).read_bytes()
        out.write_bytes(film.replace(b"mp4a", b"apac", 1).replace(b"esds", b"xsds", 1))

    return make


def _other_video_first(cache: FootageCache, out: Path) -> None:
    order = ("-map", "1:v", "-map", "0:v", "-map", "0:a")
    codecs = ("-c:v:0", "mpeg4", "-c:v:1", "copy", "-c:a", "copy")
    run_ffmpeg("-i", cache.path("plain"), *_picture("25", "2"), *order, *codecs, out)


def _joined_ends(cache: FootageCache, out: Path) -> None:
    """Two transport streams, one after the other: times begin again in the middle."""
    stream = cache.path("camcorder").read_bytes()
    out.write_bytes(stream + stream)


def _late_track(cache: FootageCache, out: Path) -> None:
    """A broadcast in which a second language begins in the middle."""
    halves = [out.with_suffix(f".{half}.ts") for half in (0, 1)]
    plain = ("-i", cache.path("plain"), "-c", "copy")
    run_ffmpeg(*plain, halves[0])
    run_ffmpeg(*plain, "-map", "0:v", "-map", "0:a", "-map", "0:a", "-output_ts_offset", "2.08", halves[1])
    out.write_bytes(b"".join(half.read_bytes() for half in halves))
    for half in halves:
        half.unlink()


def _zeros(cache: FootageCache, out: Path) -> None:
    """A copy that was laid out in full and filled to a half."""
    film = cache.path("index_in_front").read_bytes()
    out.write_bytes(film[: len(film) * 6 // 10] + bytes(len(film) - len(film) * 6 // 10))


def _bunny(*options: str, before: tuple[str, ...] = ()) -> Maker:
    return lambda cache, out: run_ffmpeg(*before, "-i", find_footage("bigbuckbunny.mp4"), "-c", "copy", *options, out)


EQUAL: dict[str, tuple[str, Maker]] = {
    "plain": (".mp4", _made()),
    # rates of pictures, of time and of sound
    "film_23_976": (".mp4", _made("-video_track_timescale", "600", "-ac", "1", rate="24000/1001", hz=44_100)),
    "phone_29_97": (".mp4", _made("-video_track_timescale", "30000", rate="30000/1001", hz=16_000)),
    "camera_59_94": (".mov", _made("-video_track_timescale", "1000000", rate="60000/1001", hz=32_000)),
    "camera_50": (".mp4", _made("-video_track_timescale", "12800", "-ac", "6", rate="50", hz=48_000)),
    "slow_motion_240": (".mp4", _made(rate="240", hz=8_000)),
    "slow_motion_ramp": (
        ".mov",
        _made("-vf", "select='not(mod(n,4))+between(t,0.5,1)'", "-vsync", "vfr", rate="120", hz=96_000),
    ),
    "one_picture_a_second": (".mp4", _made(rate="1", seconds="5")),
    "wandering_microseconds": (
        ".mp4",
        _made(
            "-vf",
            _JITTER,
            "-vsync",
            "vfr",
            "-enc_time_base",
            "1:1000000",
            "-video_track_timescale",
            "1000000",
            rate="30",
        ),
    ),
    "wandering_milliseconds": (
        ".mkv",
        _made("-vf", f"settb=1/1000,{_JITTER}", "-vsync", "vfr", "-enc_time_base", "1:1000", rate="30"),
    ),
    "long_standstill": (".mp4", _made("-vf", "select='lt(t,1)+gt(t,4)'", "-vsync", "vfr", seconds="5")),
    # turned, mirrored, stretched
    "turned_90": (".mp4", _copied("plain", "-metadata:s:v", "rotate=90")),
    "turned_180": (".mov", _copied("plain", "-metadata:s:v", "rotate=180")),
    "turned_270": (".mp4", _copied("plain", "-metadata:s:v", "rotate=270")),
    "stretched_by_container": (".mp4", _copied("plain", "-aspect", "16:9")),
    "stretched_in_matroska": (".mkv", _copied("plain", "-aspect", "2:1")),
    # sound of every kind
    "mp3": (".mp4", _made("-c:a", "libmp3lame")),
    "ac3_surround": (".mp4", _made("-c:a", "ac3", "-ac", "6")),
    "pcm_seven_one": (".mov", _made("-c:a", "pcm_s16le", "-ac", "8")),
    "aac_seven_one": (".mp4", _made("-ac", "8")),
    "pcm_24_bit": (".mov", _made("-c:a", "pcm_s24le")),
    "mu_law": (".mov", _made("-c:a", "pcm_mulaw", "-ac", "1", hz=8_000)),
    "adpcm": (".mov", _made("-c:a", "adpcm_ima_qt")),
    "opus_in_mp4": (".mp4", _made("-c:a", "libopus")),
    "lossless_apple": (".mov", _made("-c:a", "alac", hz=44_100)),
    "flac": (".mkv", _made("-c:a", "flac")),
    "vorbis": (".mkv", _made("-c:a", "libvorbis")),
    "amr": (".3gp", with_amr_sound),
    "hiss": (".mp4", _heard("anoisesrc=amplitude=0.5:color=white", "-ac", "1")),
    "applause": (".mov", _heard("aevalsrc=(random(0)-0.5)*exp(-40*mod(t\\,0.13))", "-c:a", "pcm_s16le")),
    "whisper": (".mp4", _heard("anoisesrc=amplitude=0.02:color=pink")),
    "clicks": (".mp4", _heard("aevalsrc=if(eq(mod(floor(t*48000)\\,24000)\\,0)\\,0.9\\,0)")),
    "opposed_channels": (".mp4", _heard("aevalsrc=0.3*sin(2*PI*440*t)|-0.3*sin(2*PI*440*t)")),
    "sound_later": (".mp4", _shifted(second=("-itsoffset", "0.5"))),
    "sound_earlier": (".mp4", _shifted(first=("-itsoffset", "0.5"))),
    "sound_later_in_matroska": (".mkv", _shifted(second=("-itsoffset", "0.5"))),
    "sound_earlier_in_matroska": (".mkv", _shifted(first=("-itsoffset", "0.5"))),
    "sound_goes_on": (".mp4", lambda cache, out: run_ffmpeg(*_picture("25", "1"), *_sound(48_000, "3"), out)),
    # tracks
    "two_sounds": (".mp4", _two_sounds),
    "two_sounds_in_matroska": (".mkv", _two_sounds),
    "unknown_sound": (".mp4", _unknown_sound("plain")),
    "unknown_sound_first": (".mp4", _unknown_sound("two_sounds")),
    "sound_first": (".mp4", _copied("plain", "-map", "0:a", "-map", "0:v")),
    "time_code": (".mov", _copied("plain", "-timecode", "01:00:00:00", "-write_tmcd", "1")),
    "cover_first": (".mp4", _cover("0")),
    "cover_last": (".mp4", _cover("1")),
    "other_video_first": (".mp4", _other_video_first),
    # what is coded how
    "baseline": (".mp4", _made("-profile:v", "baseline")),
    "main": (".m4v", _made("-profile:v", "main")),
    "ten_bit": (".mp4", _made("-pix_fmt", "yuv420p10le")),
    "high_422": (".mov", _made("-pix_fmt", "yuv422p")),
    "lossless": (".mp4", _made("-qp", "0")),
    "every_picture_a_keyframe": (".mp4", _made("-g", "1")),
    "deep_pyramid": (".mp4", _made("-x264-params", "bframes=8:b-adapt=0:b-pyramid=normal:keyint=30")),
    "refreshed_by_columns": (".mp4", _made("-x264-params", "intra-refresh=1:keyint=20")),
    "slices_and_delimiters": (
        ".mp4",
        _made("-x264-params", "aud=1:slices=4:nal-hrd=vbr:vbv-maxrate=900:vbv-bufsize=900"),
    ),
    "sets_in_every_picture": (".mp4", _made("-bsf:v", "dump_extra=all")),
    "interlaced_mixed": (".mp4", _made("-flags", "+ilme+ildct", "-x264-params", "tff=1")),
    "fields_apart": (".mp4", lambda cache, out: write_fields(out, together=False)),
    "fields_together": (".mp4", lambda cache, out: write_fields(out, together=True)),
    "fields_in_a_transport_stream": (".ts", lambda cache, out: write_fields(out, together=True)),
    "new_sets_in_the_middle": (".mp4", join_with_new_sets),
    "new_sets_in_matroska": (
        ".mkv",
        lambda cache, out: run_ffmpeg("-i", cache.path("new_sets_in_the_middle"), "-c", "copy", out),
    ),
    # containers
    "index_in_front": (".mp4", _made("-movflags", "faststart")),
    "fragments": (".mp4", _made("-movflags", "frag_keyframe+empty_moov")),
    "common_fragments": (".mp4", _made("-movflags", "cmaf+dash+frag_keyframe")),
    "fragment_a_picture": (".mov", _made("-movflags", "frag_every_frame")),
    "flash": (".flv", _made()),
    "camcorder": (".m2ts", _made("-g", "12")),
    "broadcast": (".mxf", _made("-c:a", "pcm_s16le")),
    "nut": (".nut", _made()),
    "track_that_comes_later": (".ts", _late_track),
    "one_picture": (".mp4", _silent("-pix_fmt", "yuv420p", seconds="0.04")),
    "one_picture_with_sound": (".mp4", _made(seconds="0.04")),
    "a_fifth_of_a_second": (".mp4", _made(seconds="0.2")),
    # cut without encoding anew
    "cut_front": (".mp4", _copied("plain", before=("-ss", "0.9"))),
    "cut_front_of_bunny": (".mp4", _bunny(before=("-ss", "1.7"))),
    "cut_front_in_matroska": (".mkv", _copied("keyframes", before=("-ss", "0.9"))),
    "keyframes": (".mp4", _made("-g", "20", "-x264-params", "open-gop=1", seconds="4")),
    "cut_at_an_open_group": (".mp4", _copied("keyframes", before=("-ss", "1.7"))),
    "trimmed_end": (".mp4", _edited("plain", (0.0, 1.0))),
    "trimmed_both": (".mp4", _edited("plain", (0.7, 0.8))),
    "begins_with_nothing": (".mp4", _edited("plain", (-1, 0.7), (0.0, 1.5))),
    "two_stretches": (".mp4", _edited("plain", (0.2, 0.6), (1.3, 0.5))),
    "stretch_twice": (".mp4", _edited("plain", (0.0, 0.6), (0.0, 0.6))),
    "stretches_of_keyframes": (".mp4", _edited("every_picture_a_keyframe", (0.3, 0.5), (1.2, 0.6))),
}
"""Recorded in full: what comes out is what went in, and nothing is said about it."""

CUT: dict[str, tuple[str, Maker, str]] = {
    "fragments_cut_off": (".mp4", _cut("fragments", 0, 0.3), "pictures are missing"),
    "fragments_cut_off_in_the_sound": (".mp4", _cut("fragments", 0, 0.6), "pieces of its sound are missing"),
    "flash_cut_off": (".flv", _cut("flash", 0, 0.55), "cut off"),
    "filled_to_a_half": (".mp4", _zeros, "damaged pictures were left out"),
    "joined_end_to_end": (".ts", _joined_ends, "its times jump back by 2.0 s"),
    "time_damaged": (".mp4", _copied("baseline", "-bsf:v", _TWO_HOURS_AHEAD), "its times jump ahead by 2.0 h"),
    "stream_cut_off": (".ts", _cut("fields_in_a_transport_stream", 0, 0.555), "transport stream is not whole"),
}
"""Recorded as far as they go, with these words."""

FROM_THE_MIDDLE = ("from_the_middle", (".m2ts", _cut("camcorder", 0.4, 1)))
"""A stream that begins between keyframes, as a receiver that was switched on late gets it."""

UNUSABLE: dict[str, tuple[str, Maker, str]] = {
    "hevc": (
        ".mov",
        _silent("-c:v", "libx265", "-x265-params", "log-level=none", "-tag:v", "hvc1"),
        "the video is HEVC",
    ),
    "av1": (".mp4", _silent("-c:v", "libsvtav1", "-preset", "12", seconds="0.5"), "the video is AV1, and only H.264"),
    "vp9": (".webm", _silent("-c:v", "libvpx-vp9", "-cpu-used", "8", seconds="0.5"), "the video is Google VP9"),
    "prores": (".mov", _silent("-c:v", "prores", seconds="0.5"), "the video is Apple ProRes"),
    "old_camera": (".avi", _silent("-c:v", "mjpeg", "-pix_fmt", "yuvj420p"), "the video is MJPEG"),
    "program_stream": (".mpg", _made("-f", "mpeg"), "an MPEG program stream does not say when each picture is shown"),
    "windows_media": (".asf", _made("-c:a", "wmav2"), "ASF does not say when each picture is shown"),
    "animation": (".gif", lambda cache, out: run_ffmpeg(*_picture("10", "1"), out), "the video is GIF"),
    "photograph": (
        ".png",
        lambda cache, out: run_ffmpeg(*_picture("1", "1"), "-frames:v", "1", out),
        "a still picture",
    ),
    "letter": (".txt", lambda cache, out: out.write_text("Dear Ada, this is no film.\n" * 40) and None, "this is text"),
    "music": (
        ".mp3",
        lambda cache, out: run_ffmpeg(*_sound(48_000, "1"), out),
        "no video in this file (it has audio MP3",
    ),
    "index_alone": (".mp4", _cut("index_in_front", 0, 0.05), "cut off"),
}
"""Refused, with these words and what to do."""

FILMS = EQUAL | {name: made[:2] for name, made in (CUT | UNUSABLE).items()} | dict([FROM_THE_MIDDLE])
