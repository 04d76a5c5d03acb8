"""A unit that its school does not let in: written down for who stands before it, and taken back when it is let in."""

from __future__ import annotations

import pytest

from device.health.probes import probe_school
from device.health.report import Reading, judge
from device.refused import FILE, SHUT_OUT, load_refused
from tests.fakes.ingest import Fault
from tests.unit.device.uploads.conftest import Night

FOLDER = "uploads"


def refused(night: Night) -> str:
    """Give what health reads."""
    return load_refused(night.unit.data / FOLDER)


def refuse_next_lease(night: Night, *, status: int, code: str) -> None:
    """Let the next request for a lease be refused, and turn until that has happened."""
    night.ingest.faults.append(Fault("GET", "/lease", status=status, code=code))
    night.settle(lambda: not night.ingest.faults)


@pytest.mark.parametrize("code", sorted(SHUT_OUT))
def test_refusal_of_the_unit_is_written_down_until_it_is_let_in(night: Night, code: str) -> None:
    """Health shows it at once, and no more after the next answer; nothing needs to wait in the spool for that."""
    refuse_next_lease(night, status=403, code=code)
    assert refused(night) == code
    found = Reading(probe="school", measures=probe_school(night.unit.data / FOLDER))
    assert judge([found]) == ("school_refuses",)
    night.settle(lambda: not refused(night))
    assert not (night.unit.data / FOLDER / FILE).exists()


@pytest.mark.parametrize(("status", "code"), [(503, "busy"), (403, "outside_window"), (403, "lease_missing")])
def test_what_is_not_about_the_unit_is_no_refusal_of_it(night: Night, status: int, code: str) -> None:
    """A busy server and a lease that is over say nothing of whether the unit is let in."""
    refuse_next_lease(night, status=status, code=code)
    assert refused(night) == ""


def test_link_that_is_gone_leaves_what_was_heard_last(night: Night) -> None:
    """A unit that was refused and pulled from the network still says so."""
    refuse_next_lease(night, status=403, code="device_lost")
    for _ in range(3):
        night.ingest.faults.append(Fault("GET", "/lease", lose_answer=True))
    night.settle(lambda: not night.ingest.faults)
    assert refused(night) == "device_lost"


def test_refusal_outlasts_a_restart_and_is_taken_back_after_it(night: Night) -> None:
    """The file is the memory: an uploader that began anew clears what the one before it wrote."""
    refuse_next_lease(night, status=403, code="device_quarantined")
    night.restart()
    assert refused(night) == "device_quarantined"
    night.settle(lambda: not refused(night))


def test_damaged_file_is_not_known_and_is_mended(night: Night) -> None:
    """What cannot be read is no finding, and the next answer puts it right."""
    path = night.unit.data / FOLDER / FILE
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b'{"code":"anything"}')
    night.restart()
    night.settle(lambda: not path.exists())
