"""What happens to epochs: statements taken in, waivers written down, identities destroyed.

An end is written down before the identity is destroyed and again after it: killed in between, the next tick finishes.
Nothing here tells what a unit recorded. Defined in docs/protocol/epochs.md.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path

from sqlalchemy.orm import Session

from controller.accounts.models import Role
from controller.accounts.policy import normalise_email
from controller.accounts.repo import find_account
from controller.accounts.roles import roles_of
from controller.devices.history import Deed, Happening, note_event
from controller.devices.models import Device
from controller.epochs import policy, repo
from controller.epochs.models import EpochWaiver
from controller.epochs.policy import Span, Unit, Verdict
from controller.errors import OperatorError, Refusal
from controller.identities import backup_folder
from controller.services import Services
from protocol.durable import REAL, Files, destroy_file
from protocol.epochs import verify_epochs_held
from protocol.errors import ProtocolError
from protocol.signing import SignatureError, VerifyingKey, split_line

EPOCHS = "epochs"
log = logging.getLogger(__name__)


def take_statement(session: Session, device: str, line: bytes, now: datetime) -> None:
    """Keep a unit's statement; raise `Refusal` when it is not its recorder's, or older than the one held.

    The counter decides what is older, whatever the clocks say. A new recorder key begins to count anew.
    """
    row = session.get_one(Device, device, with_for_update=True)
    try:
        if row.recorder_key is None:
            raise SignatureError("this unit's recorder has no key yet")
        said = verify_epochs_held(line, VerifyingKey.parse(row.recorder_key, "recorder key"))
    except ProtocolError as error:
        raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, "statement_unverified", str(error)) from None
    if said.device != device:
        detail = f"the statement is of device {said.device}, not of {device}"
        raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, "statement_unverified", detail)
    held = repo.statement_of(session, device)
    if held and held.line == line:
        return
    if held and said.counter <= held.counter and split_line(held.line).key_id == split_line(line).key_id:
        detail = f"the statement carries counter {said.counter}, the one that is held {held.counter}"
        raise Refusal(HTTPStatus.CONFLICT, "statement_older", detail)
    repo.keep_statement(session, said, line, now)


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How an epoch stands. `identity_is_here`: what was sealed to it can still be opened by this controller."""

    span: Span
    verdict: Verdict
    begun_at: datetime | None
    ended_at: datetime | None
    identity_is_here: bool


def list_standings(services: Services) -> Sequence[Standing]:
    """Tell how every known epoch stands, the earliest first."""
    with services.database.writing() as session:
        repo.note_epochs(session, services.keys.recipients.epochs)
        return _standings(services, session)


def _standings(services: Services, session: Session) -> list[Standing]:
    ends, waived, units = repo.ends(session), repo.waived(session), repo.units(session)
    here = set(services.keys.epochs)
    found = []
    for span in repo.spans(session):
        end = ends.get(span.name)
        verdict = _judge(services, span, units, waived.get(span.name, frozenset()))
        standing = Standing(
            span=span,
            verdict=verdict,
            begun_at=end.begun_at if end else None,
            ended_at=end.ended_at if end else None,
            identity_is_here=span.name in here,
        )
        found.append(standing)
    return found


def awaited_of_units(services: Services, session: Session) -> Mapping[str, tuple[Span, ...]]:
    """Give, by unit, the epochs that are due to end and wait for its word; units that nothing waits for are not named.

    It reads the same of a unit that is silent and of one that holds something (promise P7).
    """
    ends, waived, found = repo.ends(session), repo.waived(session), dict[str, tuple[Span, ...]]()
    due = [span for span in repo.spans(session) if span.name not in ends and _is_due(services, span)]
    units = repo.units(session) if due else ()
    for span in due:
        for unit in _judge(services, span, units, waived.get(span.name, frozenset())).blockers:
            found[unit.device] = (*found.get(unit.device, ()), span)
    return found


def _is_due(services: Services, span: Span) -> bool:
    return services.clock() >= span.ends_at + wait_of(services)


def _judge(services: Services, span: Span, units: Sequence[Unit], waived: frozenset[str]) -> Verdict:
    return policy.judge_epoch(span, units, waived, now=services.clock(), wait=wait_of(services))


def wait_of(services: Services) -> timedelta:
    """Give the time after its last day at which an epoch ends."""
    return timedelta(days=services.config.retention.epoch_end_days)


def end_due(services: Services, files: Files = REAL) -> tuple[str, ...]:
    """End every epoch that may end, and finish the ends that were begun; give the names of those that ended now.

    An identity that somebody laid down again (an old copy of the keys folder) is destroyed again. Raises
    `OperatorError` when an identity cannot be destroyed in its every place; the next call tries again.
    """
    with services.database.writing() as session:
        repo.note_epochs(session, services.keys.recipients.epochs)
        for standing in _standings(services, session):
            if standing.begun_at is None and standing.verdict.may_end:
                repo.begin_end(session, standing.span.name, services.clock())
    here = set(services.keys.epochs)
    with services.database.reading() as session:
        begun = sorted(name for name, end in repo.ends(session).items() if end.ended_at is None or name in here)
    for name in begun:
        _finish(services, name, files)
    return tuple(begun)


def _finish(services: Services, epoch: str, files: Files) -> None:
    """Destroy an epoch's identity, here and in its one named backup, and write down that it is done."""
    folders = places(services)
    try:
        for folder in folders:
            destroy_file(folder / f"{epoch}.key", files)
    except OSError as error:
        raise OperatorError(f"the identity of epoch {epoch} cannot be destroyed: {error}; it is tried again") from None
    with services.database.writing() as session:
        end = repo.find_end(session, epoch)
        if end is not None:
            end.ended_at = end.ended_at or services.clock()
    log.info("epoch %s has ended: its identity is destroyed", epoch)


def places(services: Services) -> tuple[Path, ...]:
    """Give the folders in which epochs' identities lie: the keys folder's, and the named backup's when there is one."""
    core = services.config.controller
    backup = backup_folder(core.keys, core.keys_backup, EPOCHS)
    return (core.keys / EPOCHS, *((backup,) if backup else ()))


@dataclass(frozen=True, kw_only=True)
class Waiving:
    """A unit that blocks an epoch, and what letting it end without the unit would lose."""

    span: Span
    unit: Unit
    would_lose: str


def plan_waiver(services: Services, epoch: str, device: str) -> Waiving:
    """Tell what waiving a unit would lose; raise `OperatorError` when there is nothing to waive."""
    standing = next((one for one in list_standings(services) if one.span.name == epoch), None)
    if standing is None:
        raise OperatorError(f"there is no epoch {epoch}; see: backrow controller epochs list")
    if standing.begun_at is not None:
        raise OperatorError(f"epoch {epoch} has ended already: there is nothing left to waive")
    if services.clock() < standing.span.ends_at:
        raise OperatorError(f"epoch {epoch} is not over: nobody can know yet what would be lost")
    unit = next((one for one in standing.verdict.blockers if one.device == device), None)
    if unit is None:
        raise OperatorError(f"unit {device} does not block the end of epoch {epoch}: there is nothing to waive")
    blockers = standing.verdict.blockers
    with services.database.reading() as session:
        waiting = repo.waiting_bytes(session, [one.device for one in blockers])
    words = policy.describe_loss(room=unit.label, span=standing.span, blockers=len(blockers), waiting_bytes=waiting)
    return Waiving(span=standing.span, unit=unit, would_lose=words)


def find_person(services: Services, email: str) -> tuple[str, str]:
    """Give id and name of the account of whoever decides; raise `OperatorError` unless it is an admin's."""
    with services.database.reading() as session:
        account = find_account(session, normalise_email(email))
        roles = roles_of(session, account.id) if account else frozenset()
    if account is None or Role.ADMIN not in roles:
        raise OperatorError(f"{email}: expected the address of an admin's account; a waiver needs a person's name")
    return account.id, account.name


def waive(services: Services, waiving: Waiving, *, by: str, reason: str) -> None:
    """Write down that an account (`by`) lets the epoch end without the unit, and why."""
    now, device = services.clock(), waiving.unit.device
    with services.database.writing() as session:
        session.merge(
            EpochWaiver(
                epoch=waiving.span.name,
                device=device,
                by=by,
                at=now,
                reason=reason,
                would_lose=waiving.would_lose,
            )
        )
        detail = f"epoch {waiving.span.name} may end without it: {reason}"
        note_event(session, device, Happening.EPOCH_WAIVED, Deed(by=by, at=now), detail)


def has_ended(session: Session, epoch: str) -> bool:
    """Tell whether an epoch's end is done or begun."""
    return repo.find_end(session, epoch) is not None


def refuse_ended(epoch: str) -> Refusal:
    """Give the refusal of what only an epoch that has ended could open."""
    detail = (
        f"epoch {epoch} has ended and its identity is destroyed: nothing can open this recording any more, so that it "
        "is not taken in; its owner and the school must decide what becomes of the unit's copy"
    )
    return Refusal(HTTPStatus.GONE, "epoch_ended", detail)
