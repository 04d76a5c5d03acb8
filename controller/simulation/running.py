"""Nights of many seeds, side by side on the cores that there are."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial

from controller.simulation.evening import CLOCKS_GO_FORWARD, ORDINARY_EVENING, night_seconds, stretches_of
from controller.simulation.figures import Figures, hindsight, measure
from controller.simulation.night import Crash, Setting, Told, simulate
from controller.simulation.picture import draw_night
from controller.simulation.workload import Trouble, Workload, make_workload

CRASH_AT, CRASH_LASTS_S = 0.4, 60.0
"""When the controller is killed, as a part of the night, and for how long."""
BEFORE_A_TICK_S = 7.0


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is to be simulated."""

    units: int
    sites: int
    at_a_time: int
    troubles: frozenset[Trouble]
    tick_s: float = 30.0


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One night: its figures, by what part a crash made it longer (None: no crash), and its picture if wanted."""

    figures: Figures
    crash_longer: float | None
    picture: str = ""

    def as_fields(self) -> dict[str, object]:
        """Give what `--json` prints of it."""
        return {**asdict(self.figures), "crash_longer": self.crash_longer}


def answer(question: Question, seeds: Sequence[int], *, drawn: int | None) -> Iterator[Answer]:
    """Simulate a night for each seed, in their order; the night of the seed `drawn` comes with its picture."""
    work = partial(_answer_one, question, drawn)
    if len(seeds) == 1:
        yield work(seeds[0])
        return
    with ProcessPoolExecutor(max_workers=min(len(seeds), os.cpu_count() or 1)) as pool:
        yield from pool.map(work, seeds)


def _answer_one(question: Question, drawn: int | None, seed: int) -> Answer:
    load = _load(question, seed)
    told = _simulate(question, load, question.troubles)
    figures = measure(told, question.at_a_time)
    longer = None
    if Trouble.CRASH in question.troubles:
        calm = measure(_simulate(question, load, question.troubles - {Trouble.CRASH}), question.at_a_time)
        if figures.makespan_s and calm.makespan_s:
            longer = round(figures.makespan_s / calm.makespan_s - 1, 5)
    picture = draw_night(told, figures, _evening(question)) if seed == drawn else ""
    return Answer(figures=figures, crash_longer=longer, picture=picture)


def _evening(question: Question) -> datetime:
    return CLOCKS_GO_FORWARD if Trouble.DST in question.troubles else ORDINARY_EVENING


def _load(question: Question, seed: int) -> Workload:
    night_s = night_seconds(_evening(question))
    return make_workload(seed, units=question.units, sites=question.sites, night_s=night_s, troubles=question.troubles)


def _simulate(question: Question, load: Workload, troubles: frozenset[Trouble]) -> Told:
    evening = _evening(question)
    stretches = stretches_of(evening, load)
    if Trouble.SWITCHED_OFF not in troubles:
        stretches = tuple(stretch for stretch in stretches if not stretch.by_day)
    at_s = CRASH_AT * night_seconds(evening) + BEFORE_A_TICK_S
    crash = Crash(at_s=at_s, lasts_s=CRASH_LASTS_S) if Trouble.CRASH in troubles else None
    watched = hindsight(load, question.at_a_time).row
    return simulate(load, stretches, Setting(question.at_a_time, question.tick_s, watched, crash))
