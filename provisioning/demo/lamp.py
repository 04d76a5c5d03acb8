"""Waits for what the unit's lamp shall say, and tells why it will not: the reason stands in the recorder's status.

A pattern that passed between two looks counts too. Trouble that passes by itself is waited for.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path

from provisioning.demo.crew import Crew
from provisioning.demo.errors import DemoError
from provisioning.demo.panel import Panel

START_S = 60
TROUBLE_S = 15
READY, RECORDING, REFUSED = "ready", "recording", "refused"
TROUBLE = ("fault", "not_set_up", "look_at_page")
_REMEDIES = {
    "disk_full": "there is less space in {folder} than a lesson needs: make room, or give --keep a folder with more"
}


@dataclass
class Lamp:
    """The lamp of one unit, whose status file is `status`; trouble that lasts longer than `patience_s` is told."""

    panel: Panel
    crew: Crew
    status: Path
    patience_s: float = TROUBLE_S
    _in_trouble_since: float | None = None

    def now(self) -> int:
        """Give an instant, for `has_shown`."""
        return len(self.panel.shown)

    def has_shown(self, pattern: str, *, since: int) -> bool:
        """Whether the lamp has shown a pattern since; raise `DemoError` when it says that it never will."""
        if REFUSED in self.panel.shown[since:]:
            raise DemoError(f"the unit refused to record; its lamp says: {self.panel.words}")
        self._require_no_trouble()
        return pattern in self.panel.shown[since:]

    def wait_for(self, pattern: str, *, since: int) -> None:
        """Wait until the lamp has shown a pattern since an instant; raise `DemoError` when it does not."""
        what = f"the lamp to say {pattern}"
        self.crew.wait_for(what, lambda: self.has_shown(pattern, since=since), seconds=START_S)

    def _require_no_trouble(self) -> None:
        if self.panel.lamp not in TROUBLE:
            self._in_trouble_since = None
            return
        now = time.monotonic()
        self._in_trouble_since = self._in_trouble_since or now
        if now - self._in_trouble_since > self.patience_s:
            raise DemoError(f"the unit cannot record: {self._reason()}; its lamp says: {self.panel.words}")

    def _reason(self) -> str:
        try:
            reason = str(json.loads(self.status.read_text("utf-8"))["reason"])
        except (OSError, ValueError, KeyError) as error:
            return f"it does not say why ({error})"
        remedy = _REMEDIES.get(reason, "the logs say more").format(folder=self.status.parent)
        return f"{reason} ({remedy})"
