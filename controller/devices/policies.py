"""Policy snapshots: who may be recorded in a room, issued to its unit, versioned, and renewed before they end.

The only policy so far is *only adults who accepted*: the room's owner, alone or with adults, may record at any time.
It names no pupil. Signed with the policy key; defined in docs/protocol/mqtt.md.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy.orm import Session

from controller.bridge import outbox
from controller.devices import repo
from controller.devices.models import LIVING, Device
from controller.services import Services
from protocol.documents import Decision, Permission, Policy, issue_document
from protocol.topics import Down

LASTS = timedelta(days=14)  # as long as a unit may be without the controller and still record
RENEWED_BEFORE = timedelta(days=7)
POLICY_VERSION = 1
REASON = "adults_only"


def issue_policy(services: Services, session: Session, device: Device) -> bytes:
    """Issue the next policy of a device and put it into the outbox; call inside a writing session."""
    now = services.clock()
    policy = Policy(
        generation=services.config.controller.generation,
        version=device.policy_version + 1,
        issued_at=now,
        expires_at=now + LASTS,
        device=device.id,
        policy_version=POLICY_VERSION,
        otherwise=Decision(permission=Permission.ALLOWED, reason=REASON, owner=device.owner),
    )
    line = issue_document(policy, services.keys.policy)
    device.policy_version, device.policy_line, device.policy_ends_at = policy.version, line, policy.expires_at
    outbox.enqueue(session, device=device.id, kind=Down.POLICY, line=line, now=now)
    return line


def policy_of(device: Device) -> bytes | None:
    """Give the newest policy of a unit that is to have one; a retired unit records no more."""
    return device.policy_line if device.state in LIVING else None


def renew_policies(services: Services) -> int:
    """Issue anew what ends soon; tell how many."""
    with services.database.writing() as session:
        ending = repo.policies_ending_before(session, services.clock() + RENEWED_BEFORE)
        for device in ending:
            issue_policy(services, session, device)
    return len(ending)
