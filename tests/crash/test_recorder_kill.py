"""The real recorder is killed at any time and started again: nothing in the clear, little lost, no hand needed."""

from __future__ import annotations

import json
import random
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import av
import pytest

from protocol.documents import Decision, Permission
from protocol.manifest import CloseReason, Recovered, Sealed
from tests.films import films_of, peak_of
from tests.footage import find_footage
from tests.recorder_process import panel_of, running_recorder, terminate
from tests.school import School, UnitBundle, make_school
from tests.unsealed import PLAIN_MARKS, find_plaintext, open_recording

LOST_S = 2.0
KILLS = 4
CANARY_AT = 400_000


def _unit(folder: Path, *, hybrid: bool = False) -> tuple[School, UnitBundle]:
    school = make_school(folder, now=datetime.now(UTC), hybrid=hybrid)
    tables: dict[str, dict[str, Any]] = {
        "camera": {"kind": "replay", "input": str(find_footage("bigbuckbunny.mp4")), "loop": True},
        "timings": {"settle_s": 0.3, "release_every_s": 0.5},
        "limits": {"segment_s": 2.0},
    }
    return school, school.make_unit(folder / "unit", tables=tables)


def _canary() -> bytes:
    """Give a stretch of the film's own pictures."""
    return find_footage("bigbuckbunny.mp4").read_bytes()[CANARY_AT : CANARY_AT + 24]


def test_recording_survives_kills_at_random_times(tmp_path: Path) -> None:
    """P2, P4: after each kill -9 the recording goes on by itself with a new take; every take loses at most 2 s."""
    school, unit = _unit(tmp_path)
    chance = random.Random(20261123)  # noqa: S311 when to kill is no secret
    played = []
    for turn in range(KILLS):
        with running_recorder(unit) as process, panel_of(unit) as panel:
            if turn == 0:
                panel.wait_for("ready")
                panel.tap()
            panel.wait_for("recording")
            began_s = time.monotonic()
            time.sleep(chance.uniform(0.2, 3.5))
            process.kill()
            played.append(time.monotonic() - began_s)
        assert find_plaintext(unit.data, _canary()) == []
    with running_recorder(unit) as process, panel_of(unit) as panel:
        panel.wait_for("recording")
        time.sleep(1.0)
        panel.hold(2.8)
        panel.wait_for("ready")
        assert terminate(process) == 0
    (folder,) = unit.recordings()
    opened = open_recording(school, unit, folder)
    assert opened.manifest.closed is not None
    assert opened.manifest.closed.reason is CloseReason.STOPPED
    assert find_plaintext(unit.data, _canary()) == []
    assert {path.name for path in folder.iterdir()} == {
        "manifest",
        "key.age",
        *(f"{segment.segment.index:06d}.age" for segment in opened.segments),
    }
    assert opened.seconds >= sum(max(0.0, each - LOST_S) for each in played) + 2.0


def test_sound_that_was_left_out_stays_out_after_kills(tmp_path: Path) -> None:
    """P3: every take that follows a kill -9 is as silent as the first, of a film that is loud."""
    school, unit = _unit(tmp_path)
    silent = Decision(permission=Permission.ALLOWED, reason="no_voices", owner=unit.owner, must_omit_sound=True)
    unit.put_state("policy", school.issue_policy(unit.device, otherwise=silent, version=2))
    for turn in range(3):
        with running_recorder(unit) as process, panel_of(unit) as panel:
            if turn == 0:
                panel.wait_for("ready")
                panel.tap()
            panel.wait_for("recording")
            if turn == 1:
                unit.put_state("policy", school.issue_policy(unit.device, owner=unit.owner, version=3))
            time.sleep(LOST_S + 1.0)  # a kill may take all of a shorter one
            process.kill()
    with running_recorder(unit) as process, panel_of(unit) as panel:
        panel.wait_for("recording")
        time.sleep(1.0)
        panel.hold(2.8)
        panel.wait_for("ready")
        assert terminate(process) == 0
    films = films_of(school, unit, tmp_path)
    assert len(films) == 4
    assert {peak_of(film) for film in films} - {None} == {0.0}
    with av.open(str(find_footage("bigbuckbunny.mp4"))) as source:
        assert source.streams.audio, "what is replayed has sound"


def test_plaintext_would_be_found(tmp_path: Path) -> None:
    """The scan for plaintext is no empty gesture: in the opened segments it finds every mark and the canary."""
    school, unit = _unit(tmp_path)
    with running_recorder(unit) as process, panel_of(unit) as panel:
        panel.wait_for("ready")
        panel.tap()
        panel.wait_for("recording")
        time.sleep(4.0)
        assert terminate(process) == 0
    (folder,) = unit.recordings()
    for segment in open_recording(school, unit, folder).segments:
        (tmp_path / f"{segment.segment.index}.mp4").write_bytes(segment.plaintext)
    found = " ".join(find_plaintext(tmp_path, _canary()))
    for mark in (PLAIN_MARKS[0], PLAIN_MARKS[1], PLAIN_MARKS[3], _canary()):
        assert repr(mark) in found


def test_orderly_end_keeps_seals_and_closes(tmp_path: Path) -> None:
    """SIGTERM while recording: every segment is sealed, the manifest closed as stopped, the exit status 0."""
    school, unit = _unit(tmp_path, hybrid=True)
    with running_recorder(unit) as process, panel_of(unit) as panel:
        panel.wait_for("ready")
        panel.tap()
        panel.wait_for("recording")
        time.sleep(2.5)
        assert terminate(process) == 0
    (folder,) = unit.recordings()
    opened = open_recording(school, unit, folder)
    assert all(isinstance(each.segment.ended, Sealed) for each in opened.segments)
    assert opened.manifest.closed is not None
    assert opened.manifest.closed.reason is CloseReason.STOPPED
    assert opened.seconds > 1.5


def test_no_core_file_can_carry_what_is_recorded(tmp_path: Path) -> None:
    """P2: a recorder that crashes leaves no image of its memory, whatever the system's own limit is."""
    _, unit = _unit(tmp_path)
    with running_recorder(unit) as process, panel_of(unit) as panel:
        panel.wait_for("ready")
        limits = Path(f"/proc/{process.pid}/limits").read_text()
    (line,) = [line.split() for line in limits.splitlines() if line.startswith("Max core file size")]
    assert line[4:6] == ["0", "0"]


def test_another_boot_closes_as_interrupted_and_asks_for_a_press(tmp_path: Path) -> None:
    """After a power cut nothing is captured by itself: the recording is recovered, closed, and the lamp asks."""
    school, unit = _unit(tmp_path)
    with running_recorder(unit) as process, panel_of(unit) as panel:
        panel.wait_for("ready")
        panel.tap()
        panel.wait_for("recording")
        time.sleep(1.5)
        process.kill()
    _pretend_another_boot(unit)
    with running_recorder(unit) as process, panel_of(unit) as panel:
        panel.wait_for("look_at_page")
        (folder,) = unit.recordings()
        opened = open_recording(school, unit, folder)
        assert terminate(process) == 0
    assert opened.manifest.closed is not None
    assert opened.manifest.closed.reason is CloseReason.INTERRUPTED
    assert isinstance(opened.segments[-1].segment.ended, Recovered)
    assert "recording" not in panel.shown


def test_lamp_asks_at_every_start_until_the_press(tmp_path: Path) -> None:
    """One power cut after the other, and a shutdown in order: nobody has seen it before somebody presses."""
    _, unit = _unit(tmp_path)
    with running_recorder(unit) as process, panel_of(unit) as panel:
        panel.wait_for("ready")
        panel.tap()
        panel.wait_for("recording")
        process.kill()
    for _ in range(2):
        _pretend_another_boot(unit)
        with running_recorder(unit) as process, panel_of(unit) as panel:
            panel.wait_for("look_at_page")
            process.kill()
    with running_recorder(unit) as process, panel_of(unit) as panel:
        panel.wait_for("look_at_page")
        assert terminate(process) == 0
    with running_recorder(unit) as process, panel_of(unit) as panel:
        panel.wait_for("look_at_page")
        panel.tap()
        panel.wait_for("recording")
        assert terminate(process) == 0
    with running_recorder(unit) as process, panel_of(unit) as panel:
        panel.wait_for("ready")
        assert "look_at_page" not in panel.shown
        assert terminate(process) == 0


def _pretend_another_boot(unit: UnitBundle) -> None:
    """The machine of the tests is not rebooted; the journal is made to come from another boot instead."""
    path = unit.data / "recorder" / "journal"
    journal = json.loads(path.read_text())
    journal["boot"] = "00000000-0000-4000-8000-000000000000"
    path.write_text(json.dumps(journal, sort_keys=True, separators=(",", ":")))


@pytest.mark.parametrize("torn", [b"{", b'{"line":"sealed"', b"\x00\x00\x00"])
def test_torn_last_line_is_cut_off_at_the_next_start(tmp_path: Path, torn: bytes) -> None:
    """A manifest whose last line was half written goes on after the last whole one."""
    school, unit = _unit(tmp_path)
    with running_recorder(unit) as process, panel_of(unit) as panel:
        panel.wait_for("ready")
        panel.tap()
        panel.wait_for("recording")
        time.sleep(1.0)
        process.kill()
    (folder,) = unit.recordings()
    with (folder / "manifest").open("ab") as manifest:
        manifest.write(torn)
    with running_recorder(unit) as process, panel_of(unit) as panel:
        panel.wait_for("recording")
        time.sleep(0.8)
        assert terminate(process) == 0
    opened = open_recording(school, unit, folder)
    assert opened.manifest.closed is not None
