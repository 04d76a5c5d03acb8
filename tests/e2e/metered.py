"""`backrow controller serve`, with what it takes from each unit written down ten times a second.

    python -m tests.e2e.metered --config controller.toml LOG

The count is that of the controller's own line meter, at which every block of a body is told as it is read, whether or
not it is kept; this process alone empties it. A line of the log: the time, then device and bytes in turn. A kill loses
the last tenth of a second of the log, and nothing else.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from controller import Surface, create_app, server
from controller.nights.line import LineMeter
from controller.opening import opened

SAMPLE_S = 0.1


def main(config: Path, log: Path) -> None:
    """Serve until told to stop."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    with opened(config) as services:
        units = create_app(services.config, Surface.UNITS, services)
        units.extensions["backrow-arrivals"].finish_whole()
        listeners = {
            "people": server.people_listener(create_app(services.config, Surface.PEOPLE, services), services.config),
            "units": server.units_listener(units, services.config),
        }
        with _writing_down(units.extensions["backrow-line-meter"], log):
            server.serve(listeners, lambda: None, config)


@contextmanager
def _writing_down(meter: LineMeter, path: Path) -> Iterator[None]:
    stop = threading.Event()
    with path.open("a", encoding="ascii") as file:
        thread = threading.Thread(target=_sample, args=(meter, file, stop))
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


def _sample(meter: LineMeter, file: TextIO, stop: threading.Event) -> None:
    while not stop.wait(SAMPLE_S):
        taken = meter.drain()
        words = " ".join(f"{device} {count}" for device, count in taken.items())
        file.write(f"{time.time():.4f} {words}\n")
        file.flush()


@dataclass(frozen=True)
class Sample:
    """What was taken since the sample before, by device."""

    at_s: float
    taken: Mapping[str, int]


def read_samples(path: Path) -> list[Sample]:
    """Read the log; a line that a kill left unfinished is passed over."""
    lines = path.read_text("ascii").splitlines(keepends=True)
    words = [line.split() for line in lines if line.endswith("\n")]
    return [Sample(float(at), dict(zip(rest[::2], map(int, rest[1::2]), strict=True))) for at, *rest in words]


def most_in_a_span(samples: Sequence[Sample], group_of: Mapping[str, str], span_s: float) -> dict[str, float]:
    """Give, for each group of devices, the most bytes a second over any stretch of `span_s` and a little."""
    times, sums = [one.at_s for one in samples], _cumulative(samples, group_of)
    return {group: _worst(times, counted, span_s) for group, counted in sums.items()}


def _cumulative(samples: Sequence[Sample], group_of: Mapping[str, str]) -> dict[str, list[int]]:
    running: dict[str, int] = dict.fromkeys(group_of.values(), 0)
    sums: dict[str, list[int]] = defaultdict(list)
    for sample in samples:
        for device, count in sample.taken.items():
            running[group_of[device]] += count
        for group, count in running.items():
            sums[group].append(count)
    return sums


def _worst(times: Sequence[float], counted: Sequence[int], span_s: float) -> float:
    worst, first = 0.0, 0
    for last, at_s in enumerate(times):
        while first + 1 < last and at_s - times[first + 1] >= span_s:
            first += 1
        if at_s - times[first] >= span_s:
            worst = max(worst, (counted[last] - counted[first]) / (at_s - times[first]))
    return worst


if __name__ == "__main__":
    main(Path(sys.argv[2]), Path(sys.argv[3]))
