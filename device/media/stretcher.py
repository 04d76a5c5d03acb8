"""Brings a microphone's sound into the muxer's form, and keeps it in step with the times that it is given with.

A crystal that is a little off is followed by stretching the sound by a share that nobody hears; where much is missing
silence stands, and what comes twice is dropped. libswresample does it (`aresample`, its option `async`).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from fractions import Fraction

import av

from device.hardware.ports import SOUND_RATE_HZ, TICKS_PER_S, AudioFrame
from device.media.errors import MediaError

_MICROSECOND = Fraction(1, 1_000_000)
# Corrected from 2 ms on over two seconds, by at most 2 %; beyond 0.1 s at once.
_RESAMPLE = f"{SOUND_RATE_HZ}:async=1000:min_comp=0.002:comp_duration=2:min_hard_comp=0.1"


class Stretcher:
    """One capture's resampler: takes 16-bit sound of `rate_hz` in FFmpeg's channel `layout`."""

    def __init__(self, *, rate_hz: int, layout: str) -> None:
        self._rate_hz, self._layout = rate_hz, layout
        self._graph = graph = av.filter.Graph()  # a filter does not keep its graph alive
        source = graph.add_abuffer(sample_rate=self._rate_hz, format="s16", layout=self._layout, time_base=_MICROSECOND)
        parts = (
            source,
            graph.add("aresample", _RESAMPLE),
            graph.add("aformat", f"sample_fmts=s16:channel_layouts=mono:sample_rates={SOUND_RATE_HZ}"),
            graph.add("abuffersink"),
        )
        for before, after in itertools.pairwise(parts):
            before.link_to(after)
        graph.configure()
        self._source, self._sink = source, parts[-1]

    def stretch(self, samples: bytes, *, count: int, heard_s: float) -> Iterator[AudioFrame]:
        """Take `count` samples of each channel, heard from `heard_s` on; give what is ready."""
        frame = av.AudioFrame(format="s16", layout=self._layout, samples=count)
        frame.planes[0].update(samples)
        frame.sample_rate = self._rate_hz
        frame.pts, frame.time_base = round(heard_s * 1_000_000), _MICROSECOND
        self._source.push(frame)
        while (out := self._pull()) is not None:
            yield out

    def _pull(self) -> AudioFrame | None:
        try:
            out = self._sink.pull()
        except (av.BlockingIOError, av.EOFError):
            return None
        if not isinstance(out, av.AudioFrame) or out.pts is None or out.time_base is None:
            raise MediaError(f"the resampler gave {out!r}, expected sound with a time")
        samples = bytes(out.planes[0])[: 2 * out.samples]
        return AudioFrame(samples, SOUND_RATE_HZ, round(out.pts * out.time_base * TICKS_PER_S))
