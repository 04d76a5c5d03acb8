"""Makes blackouts and lifts them: nothing is recorded in a room, at a site, or anywhere, whatever answers say.

The units are told in the same transaction. Why one was made is a code alone and names nobody.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from controller.consent.models import Blackout, Cause
from controller.consent.places import require_known_room, require_site
from controller.consent.refusals import ConsentRefusedError, Fault
from controller.devices.policies import reissue_for_rooms, reissue_for_site, renew_all
from controller.services import Services
from controller.timetable.models import Room
from protocol.ids import ID_BYTES, make_id


@dataclass(frozen=True, kw_only=True)
class Dark:
    """Where and when nothing may be recorded: a room, else a site, else everywhere."""

    begins_at: datetime
    ends_at: datetime
    room: str | None = None
    site: str = ""
    cause: Cause | None = None


def black_out(services: Services, dark: Dark, *, by: str, within: Collection[str] | None = None) -> str:
    """Let nothing be recorded somewhere for a while, and tell the units; give the blackout's id.

    `within`: the sites of whoever asks; None for the whole school. Raises `ConsentRefusedError`.
    """
    name, now = make_id(services.random_bytes(ID_BYTES)), services.clock()
    with services.database.writing() as session:
        _require_times(dark, now)
        _require_within(_site_of(session, dark), within)
        session.add(
            Blackout(
                id=name,
                room=dark.room,
                site=dark.site,
                begins_at=dark.begins_at,
                ends_at=dark.ends_at,
                reason=dark.cause.value if dark.cause else "",
                made_by=by,
                made_at=now,
            )
        )
        session.flush()
        _tell(services, session, room=dark.room, site=dark.site)
    return name


def lift_blackout(services: Services, blackout: str, *, by: str, within: Collection[str] | None = None) -> None:
    """End a blackout before its time; one that is over or lifted already stays as it is."""
    with services.database.writing() as session:
        row = session.get(Blackout, blackout)
        if row is None:
            raise ConsentRefusedError(Fault.BLACKOUT_UNKNOWN, "blackout", got=blackout[:40])
        _require_within(session.get_one(Room, row.room).site if row.room else row.site, within)
        if row.lifted_at is None and row.ends_at > services.clock():
            row.lifted_at, row.lifted_by = services.clock(), by
            session.flush()
            _tell(services, session, room=row.room, site=row.site)


def _require_times(dark: Dark, now: datetime) -> None:
    if dark.ends_at <= dark.begins_at:
        first, got = dark.begins_at.isoformat(timespec="minutes"), dark.ends_at.isoformat(timespec="minutes")
        raise ConsentRefusedError(Fault.INSTANTS_REVERSED, "ends_at", first=first, got=got)
    if dark.ends_at <= now:
        raise ConsentRefusedError(Fault.INSTANT_OVER, "ends_at", got=dark.ends_at.isoformat(timespec="minutes"))


def _site_of(session: Session, dark: Dark) -> str:
    """Give the site of the place, which there is; the empty text is the whole school's."""
    if dark.room is None:
        require_site(session, dark.site)
        return dark.site
    if dark.site:
        raise ConsentRefusedError(Fault.TWO_PLACES, "room")
    return require_known_room(session, dark.room).site


def _require_within(site: str, within: Collection[str] | None) -> None:
    if within is not None and site not in within:
        raise ConsentRefusedError(Fault.NOT_YOURS, "site")


def _tell(services: Services, session: Session, *, room: str | None, site: str) -> None:
    """Issue anew for a room, for all units of a site, whose rooms no timetable need name, or for all."""
    if room is not None:
        reissue_for_rooms(services, session, {room})
    elif site:
        reissue_for_site(services, session, site)
    else:
        renew_all(services, session)
