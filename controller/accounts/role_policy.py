"""Decides which roles go together, which can be of one site, and what must not be taken away.

Pure. The table of roles and endpoints is kept by tests/unit/controller/pages/test_access.py; docs/PRIVACY.md says in
plain words what each role sees.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum

from controller.accounts.models import Role

OF_A_SITE = frozenset({Role.IT, Role.PRINCIPAL})
"""Roles that can be of one site; every other is of the whole school."""
APART = (frozenset({Role.EVALUATOR, Role.ADMIN}),)
"""Who evaluates teachers should not run the server as well: root on it can open what the server can open."""


@dataclass(frozen=True, order=True)
class Held:
    """A role that somebody has, of a site or with the empty text of the whole school."""

    role: Role
    site: str = ""


class RoleFault(StrEnum):
    """Why a role is not given or taken."""

    HELD_ALREADY = "held_already"
    NOT_HELD = "not_held"
    NOT_OF_A_SITE = "not_of_a_site"
    LAST_ADMIN = "last_admin"
    LAST_ROLE = "last_role"
    WARNING_UNREAD = "warning_unread"


def goes_against(held: Iterable[Held], role: Role) -> frozenset[Role]:
    """Give the roles among those held that should not be one person's together with `role`."""
    roles = frozenset(each.role for each in held)
    return frozenset(other for pair in APART if role in pair for other in pair - {role} if other in roles)


def judge_giving(held: Collection[Held], new: Held, *, understood: str) -> RoleFault | None:
    """Tell why a role cannot be given, or None. `understood`: the role again, where its warning was read."""
    if new in held:
        return RoleFault.HELD_ALREADY
    if new.site and new.role not in OF_A_SITE:
        return RoleFault.NOT_OF_A_SITE
    return RoleFault.WARNING_UNREAD if goes_against(held, new.role) and understood != new.role else None


def judge_taking(held: Collection[Held], old: Held, *, admins: int) -> RoleFault | None:
    """Tell why a role cannot be taken, or None. `admins`: how many people are admins now."""
    if old not in held:
        return RoleFault.NOT_HELD
    if old.role is Role.ADMIN and admins <= 1:
        return RoleFault.LAST_ADMIN
    return RoleFault.LAST_ROLE if len(held) == 1 else None


def sites_of(held: Iterable[Held], role: Role) -> frozenset[str] | None:
    """Give the sites of which somebody has a role; None when it is of the whole school."""
    sites = frozenset(each.site for each in held if each.role is role)
    return None if "" in sites else sites
