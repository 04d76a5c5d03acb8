"""The order of the loop's work: event, step, checkpoint on the disk, and only then the effects."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from device.recorder.states import Phase
from tests.fakes.camera import FakeCamera
from tests.recorder_room import STOP_S, make_fast_unit, open_room
from tests.school import make_school


def test_checkpoint_is_on_the_disk_before_the_effects(tmp_path: Path) -> None:
    """Whoever performs an effect finds in the journal the phase that wants it: a kill in between loses nothing."""
    school = make_school(tmp_path, now=datetime.now(UTC))
    unit = make_fast_unit(school, tmp_path / "unit")
    found: list[tuple[str, Phase, bool]] = []

    def look(effect: str) -> None:
        journal: dict[str, Any] = json.loads((unit.data / "recorder" / "journal").read_text())
        found.append((effect, Phase(journal["phase"]), "recording" in journal))

    class ReadingCamera(FakeCamera):
        def start(self, sink: Any) -> None:
            look("start")
            super().start(sink)

        def stop(self) -> None:
            look("stop")
            super().stop()

    with open_room(school, unit, ReadingCamera(endless=True)) as room:
        room.wait_for("ready")
        room.tap()
        shown = room.wait_for("recording")
        room.wait_until(lambda: bool(found), "the camera is started")
        room.hold(STOP_S)
        room.wait_for("ready", after=shown)
    assert found[:2] == [("start", Phase.RECORDING, True), ("stop", Phase.STOPPING, True)]
