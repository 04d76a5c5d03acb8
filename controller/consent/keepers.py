"""Who may set what of consent, and for which sites: the one list, for every page of rules, agreements and blackouts."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from controller.accounts.models import Role
from controller.accounts.role_policy import Held

RULERS = (Role.PRIVACY, Role.PRINCIPAL, Role.ADMIN)
"""Who sees the school's rules and, unless only of a site, sets them."""
AGREEING = (Role.TEACHER, Role.PRINCIPAL, Role.PRIVACY, Role.KEEPER, Role.ADMIN)
"""Who has something to say of teachers' and principals' agreements, or sees who is missing."""
OVERSEERS = (Role.PRINCIPAL, Role.PRIVACY, Role.KEEPER, Role.ADMIN)
"""Who sees which teachers agreed, and lets nothing be recorded for a while."""


def reach(held: Iterable[Held], roles: Collection[Role]) -> frozenset[str] | None:
    """Give the sites of which somebody has one of some roles; None when it is of the whole school."""
    sites = frozenset(each.site for each in held if each.role in roles)
    return None if "" in sites else sites
