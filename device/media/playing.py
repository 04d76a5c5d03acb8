"""Plays media that stand in memory, to the end, and counts what comes out: what a self-test knows a recording by."""

from __future__ import annotations

from io import BytesIO
from typing import NamedTuple

import av

from device.media.errors import MediaError


class Played(NamedTuple):
    """How many pictures were decoded, and how many seconds of sound."""

    pictures: int
    sound_s: float


def play(media: bytes) -> Played:
    """Decode everything; raise `MediaError` when that cannot be done."""
    try:
        with av.open(BytesIO(media), "r") as container:
            pictures = len(list(container.decode(video=0)))
        with av.open(BytesIO(media), "r") as container:
            sounds = [frame.samples / frame.sample_rate for frame in container.decode(audio=0)]
    except (av.FFmpegError, IndexError) as error:
        raise MediaError(f"what was recorded does not play: {error}") from error
    return Played(pictures, sum(sounds))
