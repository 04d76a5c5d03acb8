"""New keyring and recipients are told to every unit, once, and policies follow the key that signs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from controller.bridge.models import Outbox
from controller.devices.announcing import announce_keys
from controller.devices.models import Device, DeviceState
from controller.devices.policies import issue_policy
from controller.recordings.receipts import receipt_of
from protocol.documents import Policy, Purpose, Receipt, Trust, verify_document
from protocol.durable import REAL
from protocol.errors import ProtocolError
from protocol.keyfiles import load_signing_key
from protocol.signing import split_line
from protocol.topics import Down, down_topic
from provisioning.keys.rotation import retire_signing, rotate_signing
from tests.house import House, Teacher, make_house
from tests.unit.controller.uploads.unit_client import made_up_segment


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A controller with nobody in it."""
    made = make_house(tmp_path)
    yield made
    made.services.database.close()


@pytest.fixture
def teacher(house: House) -> Teacher:
    """A teacher with a unit that has a policy, told everything that there is."""
    made = house.add_teacher()
    with house.services.database.writing() as session:
        issue_policy(house.services, session, session.get_one(Device, made.device))
    announce_keys(house.services)
    return made


def keys_of(house: House) -> Path:
    """Give the school's keys folder."""
    return house.services.config.controller.keys


def rotate(house: House, purpose: Purpose = Purpose.POLICY) -> None:
    """Let a new key sign."""
    root = load_signing_key(keys_of(house) / "root.key")
    rotate_signing(keys_of(house), purpose, root, now=house.clock(), files=REAL)


def retire(house: House, purpose: Purpose = Purpose.POLICY) -> None:
    """Let nobody believe the older keys."""
    root = load_signing_key(keys_of(house) / "root.key")
    retire_signing(keys_of(house), purpose, root, now=house.clock(), files=REAL)


def waiting(house: House, device: str, kind: Down) -> list[bytes]:
    """Give what waits in the outbox for a unit, the oldest first."""
    with house.services.database.reading() as session:
        mine = select(Outbox.payload).where(Outbox.topic == down_topic(device, kind)).order_by(Outbox.id)
        return list(session.scalars(mine))


def test_unit_is_told_of_a_new_keyring_before_its_policy(house: House, teacher: Teacher) -> None:
    """Keyring first: the policy that follows is signed by a key that only the new keyring names."""
    rotate(house)
    assert announce_keys(house.services) == 1
    keys = house.services.keys
    assert waiting(house, teacher.device, Down.KEYRING) == [keys.keyring_line]
    assert waiting(house, teacher.device, Down.RECIPIENTS) == [keys.recipients_line]
    (policy,) = waiting(house, teacher.device, Down.POLICY)
    assert verify_document(Policy, policy, keys.trust).device == teacher.device
    assert split_line(policy).key_id == keys.policy.verifying.key_id
    with house.services.database.reading() as session:
        order = [row.topic for row in session.scalars(select(Outbox).order_by(Outbox.id))]
    assert order.index(down_topic(teacher.device, Down.KEYRING)) < order.index(down_topic(teacher.device, Down.POLICY))


def test_unit_is_told_once(house: House, teacher: Teacher) -> None:
    """Nothing changed: nothing is sent, also after a restart of the process."""
    assert announce_keys(house.services) == 0
    rotate(house)
    assert announce_keys(house.services) == 1
    assert announce_keys(house.services) == 0
    assert len(waiting(house, teacher.device, Down.KEYRING)) == 1


def test_rotation_of_another_key_leaves_policies_alone(house: House, teacher: Teacher) -> None:
    """A new lease key is no reason to issue every policy anew."""
    before = waiting(house, teacher.device, Down.POLICY)
    rotate(house, Purpose.LEASE)
    assert announce_keys(house.services) == 1
    assert waiting(house, teacher.device, Down.POLICY) == before


def test_lost_unit_is_not_told(house: House, teacher: Teacher) -> None:
    """Whoever holds it hears nothing more, not even which keys there are."""
    with house.services.database.writing() as session:
        session.get_one(Device, teacher.device).state = DeviceState.LOST
    before = waiting(house, teacher.device, Down.KEYRING)
    rotate(house)
    announce_keys(house.services)
    assert waiting(house, teacher.device, Down.KEYRING) == before


def test_policy_after_a_theft_is_believed_and_the_thiefs_is_not(house: House, teacher: Teacher) -> None:
    """Rotated and retired at once: what waits for the unit is signed by the new key alone."""
    (old,) = waiting(house, teacher.device, Down.POLICY)
    rotate(house)
    retire(house)
    announce_keys(house.services)
    (policy,) = waiting(house, teacher.device, Down.POLICY)
    trust: Trust = house.services.keys.trust
    verify_document(Policy, policy, trust)
    assert split_line(old).key_id not in {key.key_id for key in trust.keys_for(Purpose.POLICY)}


def test_receipt_is_signed_anew_once_its_key_is_retired(house: House, teacher: Teacher) -> None:
    """A unit that asks again gets one that it can believe; while the old key is believed, the old one will do."""
    recording = house.deliver(house.make_lesson(teacher, [made_up_segment()]))
    first = receipt_of(house.services, recording)
    rotate(house, Purpose.RECEIPT)
    assert receipt_of(house.services, recording) == first
    retire(house, Purpose.RECEIPT)
    second = receipt_of(house.services, recording)
    assert first
    assert second
    with pytest.raises(ProtocolError, match="signed by key"):
        verify_document(Receipt, first, house.services.keys.trust)
    assert verify_document(Receipt, second, house.services.keys.trust).items
    assert receipt_of(house.services, recording) == second
