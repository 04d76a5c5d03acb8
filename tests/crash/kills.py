"""Kills the real recorder again and again at random instants while a hand presses, and counts what each kill cost.

The instants fall anywhere: while it starts, begins or records. The suite kills some dozens of times,
`python -m tests.crash.long` some thousands. Nothing is asserted here but order after each kill; the caller judges.
"""

from __future__ import annotations

import random
import shutil
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from protocol.durable import REAL
from tests.crash.lessons import Lesson, recover
from tests.footage import find_footage
from tests.recorder_process import Panel, panel_of, running_recorder, terminate
from tests.school import School, UnitBundle, make_school
from tests.unsealed import find_plaintext, open_recording

CANARY_AT = 400_000
STOP_HOLD_S = 0.5
LONGEST_S = 5.0
RARELY = 0.1


@dataclass
class Tally:
    """What happened: kills, recordings that were closed by hand, and seconds lost by each kill while recording."""

    kills: int = 0
    recordings: int = 0
    lost_s: list[float] = field(default_factory=list)


def make_unit(folder: Path) -> tuple[School, UnitBundle]:
    """Make a unit that films bunny for ever, cuts often and lets go of a recording after half a second's hold."""
    school = make_school(folder, now=datetime.now(UTC))
    tables: dict[str, dict[str, Any]] = {
        "camera": {"kind": "replay", "input": str(find_footage("bigbuckbunny.mp4")), "loop": True},
        "timings": {
            "settle_s": 0.0,
            "double_tap_s": 0.1,
            "stop_s": 0.3,
            "stop_until_s": 2.0,
            "discard_s": 3.0,
            "release_every_s": 0.5,
        },
        "limits": {"segment_s": 2.0},
    }
    return school, school.make_unit(folder / "unit", tables=tables)


def kill_again_and_again(folder: Path, kills: int, seed: int) -> Tally:
    """Kill `kills` times; now and then what is recorded is stopped by hand, opened and erased."""
    school, unit = make_unit(folder)
    chance, tally = random.Random(seed), Tally()  # noqa: S311 when to kill is no secret
    before_s = 0.0
    while tally.kills < kills:
        recorded_s = _run_until_killed(unit, chance)
        tally.kills += 1
        _require_sealed(unit)
        after_s = _playable_s(school, unit, folder / "copy")
        if recorded_s is not None:
            tally.lost_s.append(recorded_s - (after_s - before_s))
        before_s = after_s
        if chance.random() < 0.2 or tally.kills == kills:
            tally.recordings += _put_away(school, unit)
            before_s = 0.0
    return tally


def _run_until_killed(unit: UnitBundle, chance: random.Random) -> float | None:
    """Start, press when nothing is recorded, and kill; give how long the lamp had said that it records."""
    with running_recorder(unit) as process:
        if chance.random() < RARELY:  # while it starts
            time.sleep(chance.uniform(0, 1.0))
            process.kill()
            return None
        with panel_of(unit) as panel:
            if panel.wait_for("ready", "recording") == "ready":
                panel.tap()
                if chance.random() < RARELY:  # while it begins
                    time.sleep(chance.uniform(0, 0.1))
                    process.kill()
                    return None
                panel.wait_for("recording")
            began_s = time.monotonic()
            time.sleep(chance.choice((chance.uniform(0, 1.0), chance.uniform(0, 1.0), chance.uniform(2.0, LONGEST_S))))
            process.kill()
            return time.monotonic() - began_s


def _put_away(school: School, unit: UnitBundle) -> int:
    """Stop what is recorded by hand, open everything, and make room; give how many recordings there were."""
    with running_recorder(unit) as process, panel_of(unit) as panel:
        if panel.wait_for("ready", "recording") == "recording":
            _stop(panel)
        assert terminate(process) == 0
    folders = unit.recordings()
    for folder in folders:
        assert open_recording(school, unit, folder).manifest.closed is not None
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
    return len(folders)


def _stop(panel: Panel) -> None:
    panel.hold(STOP_HOLD_S)
    panel.wait_for("ready")


def _require_sealed(unit: UnitBundle) -> None:
    canary = find_footage("bigbuckbunny.mp4").read_bytes()[CANARY_AT : CANARY_AT + 24]
    assert find_plaintext(unit.data, canary) == []


def _playable_s(school: School, unit: UnitBundle, folder: Path) -> float:
    """How much can be played of what lies on the card now, found out on a copy: the next start shall mend the card."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(unit.data, folder, ignore=shutil.ignore_patterns("*.sock"))
    copied = recover(Lesson(school, replace(unit, data=folder), REAL)).unit
    return sum(open_recording(school, copied, recording).seconds for recording in copied.recordings())
