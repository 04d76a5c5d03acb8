"""Has a unit's configuration read by the unit's own code before a unit is entered, so that no card is made in vain.

What device.toml may say is the unit's own business (`device/config.py`), which the controller never imports: the
unit's command reads it, as a process of its own. Looks at no key, no camera and no path that the file names.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from controller.devices.bundle import Tables, encode_tables
from controller.errors import OperatorError

PATIENCE_S = 60.0
_COMMAND = (sys.executable, "-P", "-m", "device.cli", "config", "--config")


def require_taken_by_unit(tables: Tables) -> None:
    """Raise `OperatorError` with the unit's own words unless the unit would start with these tables."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "device.toml"
        path.write_text(encode_tables(tables), "utf-8")
        try:
            done = subprocess.run(
                [*_COMMAND, str(path)], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE_S
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise OperatorError(f"the unit's configuration could not be tried: {error}") from None
    if done.returncode:
        words = done.stderr.strip().removeprefix("Error: ").replace(str(path), "device.toml")
        raise OperatorError(f"the unit would not start with this: {words}")
