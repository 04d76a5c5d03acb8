"""`backrow device health`: asks every probe once, at the machine itself, and shows the days that the agent kept."""

from __future__ import annotations

import json
import time

from device.config import DeviceConfig
from device.health.prober import Prober
from device.health.probes import Places, make_probes
from device.health.ring import load_ring
from device.health.telling import describe_health, encode_health, is_fit
from device.world import REAL_WORLD


def look(config: DeviceConfig, *, as_json: bool) -> tuple[str, bool]:
    """Give the report, and whether the unit is fit."""
    prober = Prober(make_probes(config, REAL_WORLD, Places()), REAL_WORLD.monotonic_s)
    readings, ring = prober.ask_all(time.sleep), load_ring(config.data / "agent" / "readings")
    text = (
        json.dumps(encode_health(readings, ring), indent=2) if as_json else "\n".join(describe_health(readings, ring))
    )
    return text, is_fit(readings)
