"""Simulated nights: the scheduler's own code on small schools, with everything that can go wrong."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from click.testing import CliRunner

from controller.cli import group
from controller.simulation.evening import CLOCKS_GO_FORWARD, ORDINARY_EVENING, night_seconds, stretches_of
from controller.simulation.figures import Figures, hindsight, measure
from controller.simulation.night import Setting, Told, simulate
from controller.simulation.running import Answer, Question, answer
from controller.simulation.workload import OUTAGES, Trouble, Workload, make_workload

NIGHT_S = 8 * 3600.0
AT_A_TIME = 100


@cache
def simulated(*troubles: Trouble, seed: int = 3) -> Answer:
    """Simulate a small school whose places are scarce; many facts are read out of one night."""
    question = Question(units=400, sites=8, at_a_time=AT_A_TIME, troubles=frozenset(troubles))
    (only,) = answer(question, [seed], drawn=None)
    return only


def one_site(*, lessons: list[int], link_bps: list[float], total_bps: int) -> Workload:
    """Make a school of one site whose links are known."""
    units = len(lessons)
    made = make_workload(0, units=units, sites=1, night_s=NIGHT_S, troubles=frozenset())
    link = np.array(link_bps)
    return replace(
        made,
        waiting_bytes=np.array(lessons) * 700_000_000,
        due_bytes=np.zeros(units, np.int64),
        link_bps=link,
        known_bps=link.astype(np.int64),
        site_bps=np.array([total_bps]),
        total_bps=total_bps,
    )


def passed(load: Workload) -> Told:
    """Let an ordinary night pass."""
    night = tuple(stretch for stretch in stretches_of(ORDINARY_EVENING, load) if not stretch.by_day)
    return simulate(load, night, Setting(AT_A_TIME, 30.0))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_quiet_night_is_near_the_bound(seed: int) -> None:
    """Whether the line, a site or a unit binds: all is there soon after the least time that any order needs."""
    told = simulated(seed=seed).figures
    assert told.binds == ("line", "site", "unit")[seed]
    assert told.makespan_ratio is not None
    assert 1.0 <= told.makespan_ratio <= 1.03
    assert (told.full_disks, told.left_bytes) == (0, 0)


@pytest.mark.parametrize("trouble", list(Trouble))
def test_no_second_is_above_a_cap_nor_outside_the_window(trouble: Trouble) -> None:
    """Whatever goes wrong: no sum is above its cap, no more send than may, and nothing is sent outside the window."""
    told = simulated(trouble).figures
    assert told.over_cap_bps <= 0
    assert told.outside_window_bytes == 0
    assert told.most_at_a_time <= AT_A_TIME


@pytest.mark.parametrize("trouble", [each for each in Trouble if each is not Trouble.SWITCHED_OFF])
def test_what_has_to_leave_leaves(trouble: Trouble) -> None:
    """No card fills on the next day, even when there is a third more than the night can carry."""
    assert simulated(trouble).figures.full_disks == 0


def test_overloaded_night_uses_the_line_and_leaves_the_rest() -> None:
    """With 130 % not everything arrives; the line was in use nevertheless."""
    told = simulated(Trouble.OVERLOAD).figures
    assert told.makespan_ratio is None
    assert told.left_bytes > 0
    assert told.link_share > 0.97


def test_killed_controller_costs_little_more_than_its_absence() -> None:
    """A controller that is gone for a minute: everything arrives, and hardly later than without."""
    told = simulated(Trouble.CRASH)
    assert told.figures.left_bytes == 0
    assert told.crash_longer is not None
    assert told.crash_longer <= 0.005


def test_night_in_which_clocks_go_forward_has_seven_hours() -> None:
    """The calendar's own code says how long the line is open."""
    assert night_seconds(ORDINARY_EVENING) == 8 * 3600
    assert night_seconds(CLOCKS_GO_FORWARD) == 7 * 3600


@pytest.mark.parametrize("seed", [2, 3, 6, 9])
def test_units_that_are_switched_off_send_by_day_within_the_allowance(seed: int) -> None:
    """Who has no power at night has sent what had to leave before 16:00, where a site is pressed, too."""
    told = simulated(Trouble.SWITCHED_OFF, seed=seed).figures
    assert told.full_disks == 0


def test_same_seed_gives_the_same_night() -> None:
    """Figures can be had again; only the time that decisions took differs."""
    first, second = simulated(Trouble.CHURN).figures, simulated.__wrapped__(Trouble.CHURN).figures
    assert _without_times(first) == _without_times(second)


def _without_times(told: Figures) -> Figures:
    return replace(told, decision_p50_ms=0.0, decision_p99_ms=0.0)


def test_bound_of_one_line_is_bytes_over_cap() -> None:
    """Two lessons and one over 8 Mbit/s: 2,100 seconds; and the night takes hardly longer."""
    told = passed(one_site(lessons=[2, 1], link_bps=[50e6, 50e6], total_bps=8_000_000))
    assert hindsight(told.load, AT_A_TIME).seconds == pytest.approx(2100.0)
    figures = measure(told, AT_A_TIME)
    assert figures.binds in ("line", "site")
    assert figures.makespan_s == pytest.approx(2100.0, rel=0.01)


def test_unit_whose_clock_is_ahead_stops_before_the_window_ends() -> None:
    """Ten minutes ahead in a night that does not suffice: ten minutes' bytes more are left; behind costs nothing."""
    load = one_site(lessons=[200], link_bps=[8e6], total_bps=80_000_000)
    left = [passed(replace(load, clock_ahead_s=np.array([each]))).world.left_bits[0] for each in (0.0, 600.0, -600.0)]
    assert left[1] - left[0] == pytest.approx(600 * 8e6)
    assert left[2] == left[0]


def test_bound_in_hindsight_counts_the_outages_of_a_unit() -> None:
    """A unit that alone needs 700 s and is away for 100 s of them needs 800."""
    load = one_site(lessons=[1], link_bps=[8e6], total_bps=80_000_000)
    away = np.full((1, OUTAGES), np.inf)
    load = replace(
        load, away_from_s=np.where([[True, False]], 50.0, away), away_to_s=np.where([[True, False]], 150.0, away)
    )
    bound = hindsight(load, AT_A_TIME)
    assert (bound.binds, bound.seconds) == ("unit", pytest.approx(800.0))


def test_command_prints_runs_as_json_and_draws(tmp_path: Path) -> None:
    """`--json` gives a list of runs with their figures; the picture is an SVG with a band for each site."""
    picture = tmp_path / "night.svg"
    options = [
        "--units",
        "200",
        "--sites",
        "4",
        "--at-a-time",
        "40",
        "--seeds",
        "1-2",
        "--json",
        "--picture",
        str(picture),
    ]
    ran = CliRunner().invoke(group, ["simulate-night", *options])
    assert ran.exit_code == 0, ran.output
    runs = json.loads(ran.output)["runs"]
    assert [run["seed"] for run in runs] == [1, 2]
    assert {"makespan_ratio", "full_disks", "link_share", "decision_p99_ms"} <= runs[0].keys()
    drawn = ElementTree.parse(picture).getroot()  # noqa: S314  # drawn by this test
    assert drawn.tag.endswith("svg")
    assert "4 sites" in picture.read_text("utf-8")


@pytest.mark.parametrize("seeds", ["", "a", "3-1", "1,,2", "-1"])
def test_seeds_in_another_form_are_refused(seeds: str) -> None:
    """Seeds are whole numbers and ranges; anything else is refused in words."""
    ran = CliRunner().invoke(group, ["simulate-night", "--seeds", seeds])
    assert ran.exit_code == 2
    assert "range" in ran.output
