"""The recorder's signing key: the first is taken as it comes, the next only by the signature of the one before.

A person's re-adoption ends the key in force and so lets a first one come again. Defined in
docs/protocol/enrollment.md.
"""

from __future__ import annotations

from http import HTTPStatus

from sqlalchemy.orm import Session

from controller.devices.history import UNIT, Deed, Happening, note_event
from controller.devices.models import Device
from controller.enrollment import repo
from controller.enrollment.models import KeyOrigin
from controller.errors import Refusal
from controller.services import Services
from protocol.enrollment import RecorderKey, verify_recorder_key
from protocol.errors import ProtocolError
from protocol.signing import VerifyingKey


def take_recorder_key(services: Services, device: str, data: bytes) -> str:
    """Take what a unit says of its recorder's key, and give the key in force; raise `Refusal`."""
    try:
        said = verify_recorder_key(data)
    except ProtocolError as error:
        raise Refusal(HTTPStatus.BAD_REQUEST, "malformed", str(error)) from None
    if said.device != device:
        detail = f"the statement is for device {said.device}, the certificate is of {device}"
        raise Refusal(HTTPStatus.FORBIDDEN, "key_foreign", detail)
    with services.database.writing() as session:
        row = session.get_one(Device, device)
        if row.recorder_key != said.key:
            _follow(services, session, row, said)
    return said.key


def _follow(services: Services, session: Session, device: Device, said: RecorderKey) -> None:
    ever = {row.key for row in repo.recorder_keys_of(session, device.id)}
    if said.previous != device.recorder_key or said.key in ever:
        held = VerifyingKey.parse(device.recorder_key).key_id if device.recorder_key else "none"
        raise Refusal(
            HTTPStatus.CONFLICT,
            "key_held",
            f"the recorder's key in force is {held}: a new key must name it as previous and be signed by it, or a "
            "person must readopt the unit; a key that was replaced is not taken again",
        )
    now = services.clock()
    how = KeyOrigin.SUCCEEDED if said.previous else KeyOrigin.ADOPTED if ever else KeyOrigin.ENROLLED
    repo.enter_recorder_key(session, device, said.key, how=how, now=now)
    detail = f"key {VerifyingKey.parse(said.key).key_id}, {how}"
    note_event(session, device.id, Happening.RECORDER_KEY, Deed(UNIT, now), detail)
