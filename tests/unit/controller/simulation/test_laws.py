"""Laws of whole nights: more capacity or fewer bytes never cost time, nobody is starved, who sends is left to send."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.simulation.evening import ORDINARY_EVENING, stretches_of
from controller.simulation.figures import hindsight
from controller.simulation.night import Setting, Told, simulate
from controller.simulation.workload import Workload, make_workload
from controller.uploads.scheduler.allocation import allocate
from controller.uploads.scheduler.fleet import NOT_MEASURED, Fleet, Line

MBIT = 1_000_000
LESSON = 700_000_000
SITES = 2
TICK_S = 30.0
TOLERANCE, TOLERANCE_TICKS = 0.03, 4
"""A change of leases costs up to a tick for what is moved; small schools have few of them and each counts."""

UNIT = st.tuples(st.integers(0, SITES - 1), st.integers(1, 2), st.integers(5, 60))
UNITS = st.lists(UNIT, min_size=2, max_size=10)
LINES = st.tuples(st.integers(20, 120), st.integers(10, 100), st.integers(10, 100))
PLACES = st.integers(3, 10)


@dataclass(frozen=True)
class School:
    """Units as (site, lessons, Mbit/s), and the caps of the line and of the sites in Mbit/s."""

    units: list[tuple[int, int, int]]
    line: tuple[int, int, int]
    places: int


SCHOOLS = st.builds(School, UNITS, LINES, PLACES)


def workload(school: School) -> Workload:
    """Make the evening of a school whose links are known."""
    site, lessons, link = (np.array(column) for column in zip(*school.units, strict=True))
    made = make_workload(0, units=len(site), sites=SITES, night_s=8 * 3600.0, troubles=frozenset())
    total, *sites = school.line
    return replace(
        made,
        site=site,
        waiting_bytes=lessons * LESSON,
        due_bytes=np.zeros(len(site), np.int64),
        link_bps=link * float(MBIT),
        known_bps=link * MBIT,
        site_bps=np.array(sites) * MBIT,
        total_bps=total * MBIT,
    )


def passed(load: Workload, places: int) -> Told:
    """Let an ordinary night pass."""
    night = tuple(stretch for stretch in stretches_of(ORDINARY_EVENING, load) if not stretch.by_day)
    return simulate(load, night, Setting(places, TICK_S))


def longest(load: Workload, places: int) -> float:
    """Give when everything was there, in seconds; infinite: not before the window closed."""
    return float(passed(load, places).world.done_s.max())


def allowed(before_s: float) -> float:
    """Give the longest that a night may take that should not be longer than another."""
    return before_s * (1 + TOLERANCE) + TOLERANCE_TICKS * TICK_S


@given(SCHOOLS, st.floats(1.05, 3.0))
@settings(max_examples=8, deadline=None)
def test_more_capacity_never_makes_a_night_longer(school: School, times: float) -> None:
    """The line and all sites take more: everything is there no later, but for what a change of leases costs."""
    load = workload(school)
    wider = replace(load, total_bps=int(load.total_bps * times), site_bps=(load.site_bps * times).astype(np.int64))
    assert longest(wider, school.places) <= allowed(longest(load, school.places))


@given(SCHOOLS, st.floats(0.2, 0.95), st.integers(0, 9))
@settings(max_examples=8, deadline=None)
def test_fewer_bytes_never_make_a_night_longer(school: School, part: float, which: int) -> None:
    """One unit has less to send: everything is there no later, but for what a change of leases costs."""
    load = workload(school)
    waiting = load.waiting_bytes.copy()
    waiting[which % len(load)] *= part
    assert longest(replace(load, waiting_bytes=waiting), school.places) <= allowed(longest(load, school.places))


@given(SCHOOLS)
@settings(max_examples=8, deadline=None)
def test_nobody_is_starved_and_no_cap_is_passed(school: School) -> None:
    """In a night that is long enough twice over everybody's turn comes, within all caps.

    A lease is taken back only where places are short, for one that can wait no longer, and not over and over.
    """
    load = workload(school)
    told = passed(load, school.places)
    bound = hindsight(load, school.places)
    if 2 * (bound.seconds + bound.places_s) < told.stretches[-1].ends_s:
        assert not told.world.left_bits.any()
        assert told.record.taken_back <= (len(load) if len(load) > school.places else 0)
    assert told.record.over_bps <= 0
    assert told.record.most_at_a_time <= school.places


@given(SCHOOLS, st.floats(1.0, 3.0))
@settings(max_examples=100)
def test_wider_line_gives_out_no_less(school: School, times: float) -> None:
    """At a first decision with a place for all, the sum of rates does not sink when the caps rise."""
    load = workload(school)
    given_out = [int(allocate(_fresh(load), _line(load, wider)).rate_bps.sum()) for wider in (1.0, times)]
    assert given_out[1] >= given_out[0] - len(load)


def _fresh(load: Workload) -> Fleet:
    units = len(load)
    nothing = np.zeros(units, np.int64)
    return Fleet(
        site=load.site,
        waiting_bytes=load.waiting_bytes,
        due_bytes=nothing,
        link_bps=load.known_bps,
        measured_bps=np.full(units, NOT_MEASURED),
        granted_bps=nothing,
        counted_bps=nothing,
        leaves_s=np.full(units, np.inf),
        by_day=np.zeros(units, bool),
    )


def _line(load: Workload, times: float) -> Line:
    return Line(
        total_bps=int(load.total_bps * times),
        site_bps=(load.site_bps * times).astype(np.int64),
        left_s=np.full(SITES, 8 * 3600.0),
        by_day=np.zeros(SITES, bool),
        at_a_time=100,
        tick_s=TICK_S,
    )
