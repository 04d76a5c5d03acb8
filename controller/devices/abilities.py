"""Keeps what a unit's release can, as the unit says it, and tells it at once what follows from that.

It may only make more of a snapshot understood: a field that a unit must not ignore is refused by one that does not know
it, whatever was said here (docs/protocol/consent.md).
"""

from __future__ import annotations

import logging

from controller.devices.models import Device
from controller.devices.policies import renew_policy
from controller.services import Services
from protocol.abilities import AbilitiesError, encode_abilities, parse_abilities

log = logging.getLogger(__name__)


def note_abilities(services: Services, device: str, header: str | None) -> None:
    """Keep what a unit says; one that says nothing can nothing of it, as an earlier release.

    A header of another form is passed over with a word.
    """
    try:
        said = encode_abilities(parse_abilities(header or ""))
    except AbilitiesError as error:
        log.warning("unit %s: %s; its abilities are left as they were", device, error)
        return
    with services.database.reading() as session:
        if session.get_one(Device, device).abilities == said:
            return  # as nearly always: nothing is written
    with services.database.writing() as session:
        row = session.get_one(Device, device, with_for_update=True)
        row.abilities = said
        renew_policy(services, session, row)
