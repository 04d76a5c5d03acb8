"""Sets the school's rules: another version beside the older ones, which nothing changes, told to all units at once.

Whoever changes them names the version that they saw, and gives a reason for each setting that asks for less. Before
the first version only adults who accepted are recorded. Defined in docs/protocol/consent.md ("The school's rules").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

from controller.consent import repo
from controller.consent.models import REASON_CHARS, RulesVersion
from controller.consent.refusals import ConsentRefusedError, Fault
from controller.consent.rules import PUPILS_TOO, Rules, loosenings
from controller.devices.policies import renew_all
from controller.services import Services

UNSET = 0
"""The version that is seen while the school has set no rules."""


def set_rules(services: Services, rules: Rules, *, seen: int, reasons: Mapping[str, str], by: str) -> int:
    """Let other rules hold from now on, and issue anew what they change; give their version.

    `seen`: the version that whoever changes them saw, `UNSET` for none. `reasons`: by setting; those that `loosenings`
    names need one, and what is said of others is kept as well. Raises `ConsentRefusedError` and changes nothing.
    """
    with services.database.writing() as session:
        held = repo.newest_rules(session)
        version, before = held or (UNSET, None)
        if version != seen:
            raise ConsentRefusedError(Fault.CHANGED_MEANWHILE, "rules", held=version, seen=seen)
        if before == rules:
            raise ConsentRefusedError(Fault.NOTHING_CHANGES, "rules")
        row = RulesVersion(
            settings=repo.write_rules(rules),
            reasons=repo.write_reasons(_require_reasons(loosenings(before, rules), reasons)),
            set_by=by,
            set_at=services.clock(),
        )
        session.add(row)
        session.flush()
        renew_all(services, session)
        return row.version


def _require_reasons(looser: tuple[str, ...], reasons: Mapping[str, str]) -> dict[str, str]:
    """Give every reason that was given: whoever typed one, needed or not, finds it in the history."""
    known = (PUPILS_TOO, *(field.name for field in fields(Rules)))
    if unknown := [name for name in reasons if name not in known]:
        raise ConsentRefusedError(Fault.SETTING_UNKNOWN, "reason", known=", ".join(known), got=unknown[0][:40])
    given = {name: reasons[name].strip() for name in known if reasons.get(name, "").strip()}
    if without := [name for name in looser if name not in given]:
        raise ConsentRefusedError(Fault.REASON_MISSING, "reason", settings=", ".join(without))
    longest = max((len(reason) for reason in given.values()), default=0)
    if longest > REASON_CHARS:
        raise ConsentRefusedError(Fault.REASON_TOO_LONG, "reason", most=REASON_CHARS, got=longest)
    return given
