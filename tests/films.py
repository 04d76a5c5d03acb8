"""Films of what a unit recorded: its takes put together, looked at by the stock ffprobe, and listened to."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import av

from tests.school import School, UnitBundle
from tests.unsealed import open_recording


def films_of(school: School, unit: UnitBundle, folder: Path) -> list[Path]:
    """Put the opened segments of each take of a unit's only recording together into a film below `folder`."""
    (recording,) = unit.recordings()
    films: dict[int, bytes] = {}
    for each in open_recording(school, unit, recording).segments:
        take = each.segment.opened.take
        films[take] = films.get(take, b"") + each.plaintext
    paths = [folder / f"take-{take}.mp4" for take in films]
    for path, data in zip(paths, films.values(), strict=True):
        path.write_bytes(data)
    return paths


def streams_of(film: Path) -> list[tuple[str, str]]:
    """Ask ffprobe for kind and codec of a film's streams; it must have nothing to complain of."""
    asked = ["-v", "error", "-show_entries", "stream=codec_type,codec_name", "-of", "json"]
    told = subprocess.run(["ffprobe", *asked, str(film)], capture_output=True, text=True, check=True)
    assert told.stderr == ""
    return [(each["codec_type"], each["codec_name"]) for each in json.loads(told.stdout)["streams"]]


def peak_of(film: Path) -> float | None:
    """Decode the sound of a film and give its loudest sample, of full scale; None where a cut left none."""
    with av.open(str(film)) as container:
        return max((float(abs(frame.to_ndarray()).max()) for frame in container.decode(audio=0)), default=None)
