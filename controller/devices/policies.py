"""Policy snapshots: what a unit is told of its room's lessons, versioned, and issued anew when it changes or ends.

What they say is controller/consent/snapshots.py's; no one's name is in them. Signed with the policy key; defined in
docs/protocol/consent.md and docs/protocol/mqtt.md.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from controller.bridge import outbox
from controller.consent.fitting import fit
from controller.consent.snapshots import Content, contents_for
from controller.devices.models import LIVING, Device
from controller.people.models import Person
from controller.services import Services
from controller.timetable.models import Room
from controller.timetable.repo import rooms_of_person
from protocol.documents import Policy, issue_document
from protocol.topics import Down

TOLD = LIVING
"""A quarantined unit delivers nothing and can still record, so that it hears of every refusal, too."""


def issue_policy(services: Services, session: Session, device: Device) -> bytes:
    """Issue the next policy of a device and put it into the outbox; call inside a writing session."""
    (content,) = contents_for(session, services.config, [device], services.clock()).values()
    line = _issue(services, device, fit(content, services.config.controller.time_zone))
    outbox.enqueue(session, device=device.id, kind=Down.POLICY, line=line, now=services.clock())
    return line


def policy_of(device: Device) -> bytes | None:
    """Give the newest policy of a unit that is to have one; a retired unit records no more."""
    return device.policy_line if device.state in LIVING else None


def renew_policies(services: Services) -> int:
    """Issue anew what says something else by now or is through half of its life; tell how many."""
    with services.database.writing() as session:
        return renew_all(services, session)


def renew_all(services: Services, session: Session) -> int:
    """Do the same inside a writing session."""
    return _renew(services, session, session.scalars(select(Device).where(Device.state.in_(TOLD))).all())


def renew_policy(services: Services, session: Session, device: Device) -> int:
    """Do the same for one unit, if it is to be told anything."""
    return _renew(services, session, [device] if device.state in TOLD else [])


def reissue_for_rooms(services: Services, session: Session, rooms: Collection[str]) -> int:
    """Issue anew for the units of some rooms what a change made say something else; call inside a writing session.

    In the change's own transaction, so that no unit hears of it later than the bridge's next look.
    """
    return _renew(services, session, _standing_in(session, rooms))


def reissue_for_site(services: Services, session: Session, site: str) -> int:
    """Do the same for the units of a site, in whatever room they stand."""
    here = select(Device).where(Device.state.in_(TOLD), Device.site == site)
    return _renew(services, session, session.scalars(here).all())


def reissue_for_account(services: Services, session: Session, account: str) -> int:
    """Do the same for the units of the rooms in which somebody teaches, and for those that are theirs."""
    people = session.scalars(select(Person.id).where(Person.account == account)).all()
    rooms = {room for person in people for room in rooms_of_person(session, person)}
    own = session.scalars(select(Device).where(Device.state.in_(TOLD), Device.owner == account)).all()
    told = {device.id: device for device in (*_standing_in(session, rooms), *own)}
    return _renew(services, session, list(told.values()))


def _standing_in(session: Session, rooms: Collection[str]) -> list[Device]:
    places = {(room.site, room.name) for room in session.scalars(select(Room).where(Room.id.in_(rooms)))}
    told = session.scalars(select(Device).where(Device.state.in_(TOLD))).all()
    return [device for device in told if (device.site, device.room_name) in places]


def _renew(services: Services, session: Session, devices: Collection[Device]) -> int:
    now, issued = services.clock(), dict[str, bytes]()
    contents = contents_for(session, services.config, list(devices), now)
    for device in devices:
        content = fit(contents[device.id], services.config.controller.time_zone)
        if device.policy_basis != content.basis or _is_half_over(device, content, now):
            issued[device.id] = _issue(services, device, content)
    outbox.enqueue_all(session, issued, kind=Down.POLICY, now=now)
    return len(issued)


def _is_half_over(device: Device, content: Content, now: datetime) -> bool:
    """Tell whether what a unit holds is through half of its life and can be made to last longer."""
    ends_at = device.policy_ends_at
    return ends_at is None or (ends_at - now < content.lasts / 2 and content.expires_at(now) > ends_at)


def _issue(services: Services, device: Device, content: Content) -> bytes:
    """Sign the next version of what a unit is told, and keep it in the unit's row."""
    now = services.clock()
    policy = Policy(
        generation=services.config.controller.generation,
        version=device.policy_version + 1,
        issued_at=now,
        expires_at=content.expires_at(now),
        device=device.id,
        policy_version=content.rules,
        lessons=content.lessons,
        otherwise=content.otherwise,
        margin_s=content.margin_s,
        must_mask=content.mask,
    )
    line = issue_document(policy, services.keys.policy)
    device.policy_version, device.policy_line, device.policy_ends_at = policy.version, line, policy.expires_at
    device.policy_basis = content.basis
    return line
