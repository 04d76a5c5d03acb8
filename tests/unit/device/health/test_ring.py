"""Seven days of readings: bounded, coarse, without times; and the watch that fills them."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from device.cli import group
from device.config import load_config
from device.health.prober import Probe, Prober
from device.health.report import MEANINGS, Measures, Reading
from device.health.ring import KEPT_DAYS, Extremes, Ring, RingFile, add_readings, load_ring
from device.health.status import RecorderStatus, StatusFile
from device.health.telling import describe_health, encode_health, is_fit
from device.health.watch import Watch, make_watch
from device.world import REAL_WORLD
from protocol.durable import REAL
from tests.fakes.clock import ManualClock
from tests.fakes.cutfiles import CountingFiles, RefusingFiles
from tests.school import make_school

NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)


def _hot(celsius: int) -> Reading:
    return Reading(probe="temperature", measures={"celsius": celsius})


def test_day_keeps_extremes_in_coarse_steps_and_every_code() -> None:
    """A fault of the morning is still there in the evening."""
    ring = add_readings(Ring(), "d", [_hot(44)], ["too_hot"])
    ring = add_readings(ring, "d", [_hot(87)], [])
    (day,) = ring.days
    assert day.extremes == (Extremes(measure="celsius", least=40, most=80),)
    assert day.codes == ("too_hot",)


def test_ring_keeps_seven_days_whatever_they_are_called() -> None:
    """Its size is bounded, and a day of a wrong clock goes like every other."""
    ring = add_readings(Ring(), "2036-01-01", [_hot(40)], [])
    for number in range(KEPT_DAYS):
        ring = add_readings(ring, f"day {number}", [_hot(40)], [])
    assert [each.day for each in ring.days] == [f"day {number}" for number in range(KEPT_DAYS)]


def test_ring_tells_neither_times_nor_space_nor_load(tmp_path: Path) -> None:
    """P7: whoever reads the file cannot see in which hours the unit worked."""
    readings = [
        Reading(probe="disk", measures={"read_only": 0, "free_mib": 1234, "free_percent": 12}),
        Reading(probe="load", measures={"centi_load": 321}),
        _hot(47),
    ]
    RingFile(tmp_path / "readings", REAL).add("2026-09-01", readings, [])
    held = (tmp_path / "readings").read_text()
    assert json.loads(held) == {
        "days": [{"codes": [], "day": "2026-09-01", "extremes": [{"least": 40, "measure": "celsius", "most": 40}]}]
    }


def test_ring_is_written_only_when_a_day_shows_something_new(tmp_path: Path) -> None:
    """A minute's readings cost no write as a rule."""
    files = CountingFiles()
    ring = RingFile(tmp_path / "readings", files)
    for celsius in (41, 42, 43, 44):
        ring.add("d", [_hot(celsius)], [])
    assert files.names.count("sync") == 1


@pytest.mark.parametrize("content", [b"", b"{", b'{"days":1}'])
def test_ring_that_is_damaged_begins_anew(tmp_path: Path, content: bytes) -> None:
    """It is no truth, and keeps no agent from starting."""
    (tmp_path / "readings").write_bytes(content)
    assert load_ring(tmp_path / "readings") == Ring()


def test_ring_goes_on_in_memory_when_the_card_refuses(tmp_path: Path) -> None:
    """What was found today is still told tomorrow."""
    ring = RingFile(tmp_path / "readings", RefusingFiles(at=2))
    ring.add("d", [], ["too_hot"])
    assert ring.ring.before("e") == ("too_hot",)


def test_watch_tells_yesterdays_heat_today(tmp_path: Path) -> None:
    """And the Friday's on Monday; the day after it is over."""
    clock, celsius = ManualClock(), [85]

    def measure() -> Measures:
        return {"celsius": celsius[0]}

    prober = Prober([Probe(name="temperature", measure=measure, every_s=1)], clock.monotonic_s)
    watch = Watch(prober, RingFile(tmp_path / "readings", REAL), UTC)
    deadline = time.monotonic() + 10
    while watch.look(NOON).now != ("too_hot",) and time.monotonic() < deadline:
        time.sleep(0.002)
    assert watch.look(NOON).before == ()
    celsius[0] = 40
    clock.advance(2)
    while watch.look(NOON).now and time.monotonic() < deadline:
        time.sleep(0.002)
    assert watch.look(NOON + timedelta(days=3)).before == ("too_hot",)
    assert watch.look(NOON + timedelta(days=4)).before == ()


def test_watchs_days_are_those_of_the_configured_zone(tmp_path: Path) -> None:
    """At 15:00 in UTC a school day begins on the Line Islands, whatever the machine is set to."""
    school = make_school(tmp_path / "school", now=NOON)
    unit = school.make_unit(tmp_path / "unit", tables={"device": {"timezone": "Pacific/Kiritimati"}})
    watch = make_watch(load_config(unit.config), REAL_WORLD)
    watch.look(NOON + timedelta(hours=1), ["too_hot"])
    assert watch.look(NOON + timedelta(hours=3)).before == ("too_hot",)


def test_command_shows_readings_findings_and_days(tmp_path: Path) -> None:
    """In words with what to do, as JSON for a script, and exit status 1 while no recorder runs."""
    unit = make_school(tmp_path / "school", now=datetime.now(UTC)).make_unit(tmp_path / "unit")
    RingFile(unit.data / "agent" / "readings", REAL).add("2026-09-01", [_hot(84)], ["too_hot"])
    result = CliRunner().invoke(group, ["health", "--config", str(unit.config)])
    assert result.exit_code == 1
    assert "unfit: the recorder is not running. look at: systemctl status" in result.output
    assert "2026-09-01  the unit became too hot (celsius 80 to 80)" in result.output
    said = json.loads(CliRunner().invoke(group, ["health", "--json", "--config", str(unit.config)]).output)
    assert said["fit"] is False
    assert "recorder_not_running" in said["codes"]
    assert set(said["readings"]["disk"]) == {"read_only", "free_mib", "free_percent"}


def test_command_says_the_recorders_codes_in_words(tmp_path: Path) -> None:
    """A recovered tail and damage on the card, for who stands at the unit: neither which nor how many."""
    unit = make_school(tmp_path / "school", now=datetime.now(UTC)).make_unit(tmp_path / "unit")
    (unit.data / "recorder").mkdir()
    said = RecorderStatus(
        fit=False, reasons=("no_policy",), school_days_left=4, damaged=("spool_damaged",), notes=("tail_recovered",)
    )
    StatusFile(unit.data / "recorder" / "status", REAL).say(said)
    output = CliRunner().invoke(group, ["health", "--config", str(unit.config)]).output
    (line,) = [each for each in output.splitlines() if each.startswith("recorder")]
    for words in ("not running", "4 school days of space left", "would refuse a press", "no permission to record"):
        assert words in line
    assert "something on the card is not what was sealed" in line
    assert "a power cut tore the end of a recording" in line


@pytest.mark.parametrize(
    "reason",
    ["nothing_durable", "camera_failed", "disk_failed", "spool_failed", "disk_full", "no_policy", "button_stuck"],
)
def test_what_the_recorder_refuses_for_is_found_wrong_and_told_what_to_do(reason: str) -> None:
    """A unit that would refuse a press is never said to have nothing wrong; each code has words at the unit."""
    reading = Reading(probe="recorder", measures={"running": 1, "fit": 0, "reasons": reason})
    text = "\n".join(describe_health([reading], Ring()))
    assert f"unfit: {MEANINGS[reason].words}. {MEANINGS[reason].remedy}." in text
    assert "Nothing is wrong" not in text
    assert reason not in text
    assert encode_health([reading], Ring())["codes"] == [reason]
    assert not is_fit([reading])


def test_every_reason_of_the_recorder_is_told_at_the_unit() -> None:
    """A fault in a lesson and a permission that is gone are two findings."""
    reading = Reading(probe="recorder", measures={"running": 1, "fit": 0, "reasons": "camera_failed, no_policy"})
    assert encode_health([reading], Ring())["codes"] == ["camera_failed", "no_policy"]


def test_refusal_without_a_reason_is_found_wrong_too() -> None:
    """Also one by a code that this release does not know."""
    for measures in ({"running": 1, "fit": 0}, {"running": 1, "fit": 0, "reasons": "of_tomorrow"}):
        assert "unfit: the recorder refuses" in "\n".join(
            describe_health([Reading(probe="recorder", measures=measures)], Ring())
        )
