"""The breach pack: what a lost unit held, from the controller's own records, sealed to the keeper of the root alone.

Whoever runs the controller learns that a pack was made and nothing of what is in it, its length least of all (promise
P7). It is made from tables and manifests; the unit is not asked. Opened with `age -d -i keeper.key`:
docs/runbooks/lost-unit.md.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from controller.accounts.models import Account
from controller.devices.breach_content import (
    Breach,
    CertificateFacts,
    EpochFacts,
    PersonFacts,
    RecordingFacts,
    UnitFacts,
    encode_breach,
)
from controller.devices.history import Deed, Happening, newest_of, note_event
from controller.devices.models import Device, Health, Presence
from controller.enrollment.models import Certificate
from controller.epochs.models import EpochEnd, EpochStatement
from controller.errors import OperatorError
from controller.recordings.models import Recording, RecordingState
from controller.recordings.repo import held_indexes
from controller.services import Services
from controller.uploads.models import SpoolReportRow
from protocol.documents import Receipt, peek_document
from protocol.durable import PRIVATE, replace_file
from protocol.envelope import KeyTextError, Recipient, parse_recipient, seal
from protocol.epochs import EpochsHeld, peek_epochs_held
from protocol.errors import ProtocolError
from protocol.manifest import Manifest

FOLDER, KEEPER = "breach", "keeper.pub"
UNREADABLE = "not known: its manifest cannot be read"


def make_breach_pack(services: Services, device: str, deed: Deed) -> Path:
    """Write the pack of a lost unit and tell where it lies; raise `OperatorError` that says what is missing."""
    recipient = load_keeper(services.config.controller.keys)
    with services.database.reading() as session:
        breach = gather(services, session, device)
    path = services.config.controller.data / FOLDER / f"{device}-{deed.at:%Y%m%dT%H%M%SZ}.age"
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        replace_file(path, seal(encode_breach(breach), [recipient]), mode=PRIVATE)
    except OSError as error:
        raise OperatorError(
            f"{path}: the breach pack cannot be written: {error.strerror}; make room, then again"
        ) from None
    with services.database.writing() as session:
        note_event(session, device, Happening.BREACH_PACK, deed, path.name)
    return path


def find_breach_pack(services: Services, device: str) -> Path | None:
    """Give the newest pack that was made since a unit was declared lost, if it still lies where packs are made."""
    with services.database.reading() as session:
        lost = newest_of(session, device, [Happening.LOST])
        made = newest_of(session, device, [Happening.BREACH_PACK])
    if lost is None or made is None or made.id < lost.id:
        return None
    path = services.config.controller.data / FOLDER / made.detail
    return path if path.exists() else None


def load_keeper(keys: Path) -> Recipient:
    """Read to whom packs are sealed; raise `OperatorError`."""
    path = keys / KEEPER
    try:
        return parse_recipient(path.read_text("ascii").strip())
    except (OSError, UnicodeDecodeError, KeyTextError) as error:
        remedy = (
            "put the keeper's public half there, as `backrow provision keys` made it with the root, then say lost again"
        )
        raise OperatorError(f"{path}: no breach pack can be sealed: {error}; {remedy}") from None


def gather(services: Services, session: Session, device: str) -> Breach:
    """Collect what the tables and manifests say."""
    rows = session.scalars(select(Recording).where(Recording.device == device).order_by(Recording.began_at)).all()
    unit, said = _unit(session, device), _said(session, device)
    living = [row for row in rows if row.state is not RecordingState.DESTROYED or not _has_let_go(row)]
    facts = {row.id: _describe(services, session, row) for row in living}
    missing = [facts[row.id] for row in living if not _is_over(row, facts[row.id])]
    over = [row for row in living if _is_over(row, facts[row.id])]
    perhaps = [facts[row.id] for row in over if not (_has_let_go(row) or _says_gone(said, facts[row.id]))]
    epochs = {each.epoch for each in (*missing, *perhaps)} | set(said.held if said else ())
    owners = {each.owner for each in (*missing, *perhaps) if each.owner} | {session.get_one(Device, device).owner}
    return Breach(
        made_at=services.clock(),
        unit=unit,
        not_delivered=missing,
        delivered_perhaps_still_held=perhaps,
        delivered_and_released=len(living) - len(missing) - len(perhaps),
        epochs=[_epoch(services, session, name) for name in sorted(epochs)],
        owners=[_person(session, owner) for owner in sorted(owners)],
        certificates=_certificates(session, device),
    )


def _is_over(row: Recording, facts: RecordingFacts) -> bool:
    """Tell whether nothing of a recording is missing here: it was delivered whole, or its owner had it destroyed."""
    return row.state is RecordingState.DESTROYED or (facts.closed and facts.delivered_objects == facts.objects > 0)


def _has_let_go(row: Recording) -> bool:
    """Tell whether the unit has the newest receipt and that lets it keep nothing: its recorder has released all."""
    is_acknowledged = row.receipt_version > 0 and row.receipt_acked >= row.receipt_version
    return is_acknowledged and (row.receipt_line is None or peek_document(Receipt, row.receipt_line).keep_until is None)


def _says_gone(said: EpochsHeld | None, facts: RecordingFacts) -> bool:
    """Tell whether the recorder signed that nothing of a recording's epoch is there: no kept copy either."""
    return said is not None and not said.unknown and facts.epoch != UNREADABLE and facts.epoch not in said.held


def _describe(services: Services, session: Session, row: Recording) -> RecordingFacts:
    held = held_indexes(session, row.id)
    manifest = _load(services, row)
    wanted = set(manifest.objects()) if manifest else set()
    sizes = ((manifest.expected(index) if manifest else None) for index in wanted - held)
    return RecordingFacts(
        recording=row.id,
        owner=row.owner,
        began_at=row.began_at,
        epoch=manifest.begun.epoch if manifest else UNREADABLE,
        closed=row.closed,
        objects=len(wanted),
        delivered_objects=len(held & wanted),
        missing_bytes=sum(size[1] for size in sizes if size),
        delivered_at=row.ready_at,
    )


def _load(services: Services, row: Recording) -> Manifest | None:
    try:
        return services.manifests.load(row.id, row.recorder_key)
    except (OSError, ProtocolError):
        return None  # the pack says so; a line of the log would tell IT that this room recorded


def _unit(session: Session, device: str) -> UnitFacts:
    row = session.get_one(Device, device)
    presence, health = session.get(Presence, device), session.get(Health, device)
    report, said = session.get(SpoolReportRow, device), _said(session, device)
    return UnitFacts(
        id=row.id,
        label=row.label,
        room=row.room_name,
        site=row.site,
        model=row.model,
        serial=row.serial,
        software=row.software,
        added_at=row.added_at,
        presence_at=presence.changed_at if presence else None,
        health_at=health.received_at if health else None,
        spool_report_at=report.received_at if report else None,
        waiting_bytes=report.waiting_bytes if report else None,
        epochs_said_at=said.at if said else None,
        may_hold_of_any_epoch=said is None or said.unknown,
    )


def _said(session: Session, device: str) -> EpochsHeld | None:
    """Give what the unit's recorder signed last of the epochs that it holds something of."""
    statement = session.get(EpochStatement, device)
    return peek_epochs_held(statement.line) if statement else None


def _epoch(services: Services, session: Session, name: str) -> EpochFacts:
    end = session.get(EpochEnd, name)
    if end and end.ended_at:
        return EpochFacts(name=name, identity=f"destroyed on {end.ended_at.isoformat()}: nothing opens it")
    held = "held by the school's server" if name in services.keys.epochs else "not on the school's server"
    return EpochFacts(name=name, identity=held)


def _person(session: Session, owner: str) -> PersonFacts:
    account = session.get(Account, owner)
    return PersonFacts(id=owner, name=account.name if account else "", email=account.email if account else "")


def _certificates(session: Session, device: str) -> list[CertificateFacts]:
    rows = session.scalars(select(Certificate).where(Certificate.device == device).order_by(Certificate.issued_at))
    return [
        CertificateFacts(serial=row.serial, issued_at=row.issued_at, ends_at=row.ends_at, revoked_at=row.revoked_at)
        for row in rows
    ]
