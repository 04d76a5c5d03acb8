"""What the wiring does with parts that only pretend, whatever the configuration's own check has let through."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from device.config import load_config
from device.hardware.ports import NotForProduction
from device.wiring.recorder import open_recorder
from tests.school import make_school


def test_wiring_refuses_a_made_up_part_in_production(tmp_path: Path) -> None:
    """The second lock: a recorder that says production never stands around a camera that is drawn."""
    unit = make_school(tmp_path, now=datetime.now(UTC)).make_unit(
        tmp_path / "unit", tables={"camera": {"kind": "synthetic"}}
    )
    config = load_config(unit.config)
    with open_recorder(config):
        pass
    production = replace(config, device=replace(config.device, production=True))
    with pytest.raises(NotForProduction, match="SYNTHETIC camera"), open_recorder(production):
        raise AssertionError("a recorder stands")
