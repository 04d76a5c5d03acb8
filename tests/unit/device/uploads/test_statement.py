"""The statement of epochs on its way: sent as the recorder wrote it, once, and again only when it changed."""

from __future__ import annotations

from datetime import timedelta

from device.uploads.service import DOCUMENTS_EVERY_S
from protocol.durable import replace_file
from protocol.epochs import EpochsHeld, issue_epochs_held
from tests.fakes.ingest import Fault
from tests.unit.device.uploads.conftest import NOW, Night


def say(night: Night, *held: str) -> bytes:
    """Let the recorder write a statement."""
    said = EpochsHeld(device=night.unit.device, counter=1 + len(held), at=NOW, held=held)
    line = issue_epochs_held(said, night.unit.recorder)
    path = night.unit.data / "recorder" / "epochs"
    path.parent.mkdir(exist_ok=True)
    replace_file(path, line)
    return line


def pass_hours(night: Night, hours: int) -> None:
    """Let the uploader turn for some hours, under a lease that holds as long."""
    until = night.world.now_at + timedelta(hours=hours)
    while night.world.now_at < until:
        night.turn()


def test_statement_is_sent_once_as_it_was_written(night: Night) -> None:
    """The line arrives byte for byte, is not sent again, and the next one is; also by a uploader that began anew."""
    night.grant(night.lease(lasts=timedelta(hours=40)))
    pass_hours(night, 2)
    assert night.ingest.statements == []
    first = say(night, "2026-w47")
    pass_hours(night, 8)
    assert night.ingest.statements == [first]
    second = say(night, "2026-w47", "2026-w48")
    pass_hours(night, 4)
    assert night.ingest.statements == [first, second]
    night.restart()
    pass_hours(night, 4)
    assert night.ingest.statements == [first, second, second]


def test_refused_statement_holds_nothing_up(night: Night) -> None:
    """A refusal is no trouble of the link; the statement is offered again about an hour later."""
    night.grant(night.lease(lasts=timedelta(hours=40)))
    line = say(night, "2026-w47")
    night.ingest.faults.append(Fault("PUT", "/epochs", status=409, code="statement_older"))
    pass_hours(night, 6)
    refused, taken = (one for one in night.ingest.asked if one.path.endswith("/epochs"))
    assert (refused.status, taken.status) == (409, 204)
    assert night.ingest.statements == [line]
    assert DOCUMENTS_EVERY_S >= 3600


def test_card_without_a_statement_sends_none(night: Night) -> None:
    """Before the recorder has said anything nothing is sent."""
    night.grant(night.lease(lasts=timedelta(hours=40)))
    pass_hours(night, 4)
    assert night.ingest.count("PUT", "epochs") == 0
