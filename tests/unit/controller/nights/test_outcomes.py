"""Why a room did not deliver: out of what IT reads anyway, and the same whether or not it recorded (promise P7)."""

from __future__ import annotations

import ast
from dataclasses import fields, replace
from datetime import timedelta
from pathlib import Path

import pytest

from controller.devices.models import DeviceState
from controller.nights import seeing
from controller.nights.models import Outcome
from controller.nights.outcomes import WORDS, Seen, judge
from tests.nights import CLOSES, NOON, OPENS

HOUR = timedelta(hours=1)
SOUND = Seen(
    state=DeviceState.ACTIVE,
    online=True,
    changed_at=NOON,
    asked_at=None,
    certificate_ends_at=CLOSES + 30 * 24 * HOUR,
    reasons=frozenset(),
)


@pytest.mark.parametrize(
    ("seen", "outcome"),
    [
        (SOUND, Outcome.NORMAL),
        (replace(SOUND, online=False, changed_at=NOON), Outcome.UNREACHABLE),
        (replace(SOUND, online=None, changed_at=None), Outcome.UNREACHABLE),
        (replace(SOUND, online=False, changed_at=OPENS + HOUR), Outcome.CUT_OFF),
        (replace(SOUND, online=False, changed_at=CLOSES + HOUR), Outcome.NORMAL),
        (replace(SOUND, online=False, changed_at=NOON, asked_at=OPENS + HOUR), Outcome.NORMAL),
        (replace(SOUND, state=DeviceState.QUARANTINED), Outcome.QUARANTINED),
        (replace(SOUND, certificate_ends_at=OPENS), Outcome.CERTIFICATE),
        (replace(SOUND, reasons=frozenset({"certificate_ended"})), Outcome.CERTIFICATE),
        (replace(SOUND, was_refused=True), Outcome.REFUSED),
        (replace(SOUND, reasons=frozenset({"camera_missing", "delivery_stuck"})), Outcome.STUCK),
        (replace(SOUND, reasons=frozenset({"camera_missing"})), Outcome.NORMAL),
    ],
)
def test_outcome_is_the_gravest_fault(seen: Seen, outcome: Outcome) -> None:
    """Quarantine, certificate, out of touch, refused, stuck; a unit that asked over HTTPS was in touch."""
    assert judge(seen, opens_at=OPENS, closes_at=CLOSES) is outcome


def test_every_outcome_has_words() -> None:
    """None is shown as a code."""
    assert WORDS.keys() == set(Outcome)


def test_outcome_is_made_from_nothing_that_tells_of_recordings() -> None:
    """What is seen of a unit has no bytes, and is read from no table of recordings, uploads or spools."""
    assert not [field.name for field in fields(Seen) if "bytes" in field.name or "record" in field.name]
    tree = ast.parse(Path(seeing.__file__).read_text("utf-8"))
    asked = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    assert not [name for name in asked if name.startswith("controller.recordings") or name.endswith("uploads.models")]
