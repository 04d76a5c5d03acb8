"""`backrow controller simulate-night`: how near the scheduler comes to the best, on made-up schools.

It needs no configuration and no database, and touches nothing of a school.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from controller.simulation.running import Answer

TROUBLES = ("churn", "crash", "overload", "dst", "clock", "switched-off", "mixed-links")
HEAD = (
    f"{'seed':>5} {'binds':>5} {'÷ bound':>8} {'link used':>9} {'full':>5} {'over cap':>8} {'p99 ms':>7} {'places':>7}"
)


def _read_seeds(_ctx: click.Context, _param: click.Parameter, value: str) -> tuple[int, ...]:
    """Read numbers and ranges; any other form is refused."""
    try:
        found = tuple(seed for part in value.split(",") for seed in _seeds(part))
    except ValueError:
        raise click.BadParameter(f"{value!r}: expected whole numbers and ranges, as 1,2,3 or 0-19") from None
    if not found:
        raise click.BadParameter(f"{value!r}: the range is empty; its first number has to be the lower one")
    return found


def _seeds(part: str) -> range:
    first, _, last = part.partition("-")
    return range(int(first), int(last or first) + 1)


@click.command(name="simulate-night")
@click.option("--units", type=click.IntRange(1, 200_000), default=10_000, show_default=True)
@click.option("--sites", type=click.IntRange(1, 5000), default=100, show_default=True)
@click.option("--at-a-time", type=click.IntRange(1, 200_000), default=1500, show_default=True, help="Leases together.")
@click.option(
    "--seeds", callback=_read_seeds, default="1,2,3", show_default=True, help="A night for each: 1,2,3 or 0-19."
)
@click.option("--trouble", "troubles", type=click.Choice(TROUBLES), multiple=True, help="What goes wrong; repeatable.")
@click.option("--json", "as_json", is_flag=True, help="Print every figure of every night.")
@click.option("--picture", type=click.Path(path_type=Path, dir_okay=False), help="Draw the first night into this SVG.")
def simulate_night(  # noqa: PLR0913  # one parameter an option
    *,
    units: int,
    sites: int,
    at_a_time: int,
    seeds: tuple[int, ...],
    troubles: tuple[str, ...],
    as_json: bool,
    picture: Path | None,
) -> None:
    """Let the scheduler work through made-up nights, and compare with the least time that any order would need."""
    from controller.simulation.running import Question, answer
    from controller.simulation.workload import Trouble

    wanted = frozenset(map(Trouble, troubles))
    question = Question(units=units, sites=sites, at_a_time=at_a_time, troubles=wanted)
    if not as_json:
        click.echo(HEAD)
    answers = []
    for each in answer(question, seeds, drawn=seeds[0] if picture else None):
        answers.append(each)
        if not as_json:
            click.echo(_row(each))
    if picture:
        picture.write_text(answers[0].picture, "utf-8")
    click.echo(_json(answers, troubles) if as_json else _summary(answers))


def _json(answers: Sequence[Answer], troubles: Sequence[str]) -> str:
    return json.dumps({"troubles": list(troubles), "runs": [each.as_fields() for each in answers]}, indent=1)


def _row(one: Answer) -> str:
    told = one.figures
    ratio = "-" if told.makespan_ratio is None else f"{told.makespan_ratio:.4f}"
    over = "never" if told.over_cap_bps <= 0 else f"{told.over_cap_bps}"
    longer = "" if one.crash_longer is None else f"   crash: {one.crash_longer:+.2%} longer"
    return (
        f"{told.seed:>5} {told.binds:>5} {ratio:>8} {told.link_share:>9.2%} {told.full_disks:>5} {over:>8} "
        f"{told.decision_p99_ms:>7.2f} {told.places_s / told.bound_s:>7.2f}{longer}"
    )


def _summary(answers: Sequence[Answer]) -> str:
    """Say the worst of all nights; a night whose window did not suffice has no ratio."""
    told = [each.figures for each in answers]
    ratios = [each.makespan_ratio for each in told if each.makespan_ratio is not None]
    unfinished = len(told) - len(ratios)
    least = min(each.link_share for each in told)
    words = [
        f"Worst of {len(told)}: " + (f"{max(ratios):.4f} × the bound, " if ratios else "") + f"link used {least:.2%}"
    ]
    words.append(f"full cards {sum(each.full_disks for each in told)}")
    if unfinished:
        words.append(
            f"{unfinished} night(s) ended with {max(each.left_bytes for each in told) / 1e12:.2f} TB left at most"
        )
    return "; ".join(words) + "."
