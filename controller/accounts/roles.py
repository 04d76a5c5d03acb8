"""Gives people roles and takes them away, each with its line of history; raises what cannot be done.

Knows nothing of HTTP. The rules are role_policy.py's.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from controller.accounts import role_policy as policy
from controller.accounts.models import Account, AccountRole, Role, RoleEvent
from controller.accounts.repo import end_logins
from controller.accounts.role_policy import Held, RoleFault
from controller.db import Database
from controller.errors import OperatorError


class RoleRefusedError(OperatorError):
    """A role cannot be given or taken; `fault` says why, `against` with which roles it does not go together."""

    def __init__(self, fault: RoleFault, held: Held, against: Collection[Role] = ()) -> None:
        self.fault, self.held, self.against = fault, held, tuple(sorted(against))
        site = f" of site {held.site!r}" if held.site else ""
        super().__init__(f"role {held.role}{site}: {_IN_ENGLISH[fault].format(against=', '.join(self.against))}")


_IN_ENGLISH = {
    RoleFault.HELD_ALREADY: "this person has it already",
    RoleFault.NOT_HELD: "this person does not have it",
    RoleFault.NOT_OF_A_SITE: "it is of the whole school; leave the site out",
    RoleFault.LAST_ADMIN: "nobody else is an admin; give the role to another person first",
    RoleFault.LAST_ROLE: "it is this person's only role; give another one first",
    RoleFault.WARNING_UNREAD: "it does not go together with {against}; name it once more to say that you know",
}


@dataclass(frozen=True, kw_only=True)
class RoleChange:
    """Who gets or loses which role, and by whom; `by` is None on the server's command line."""

    account: str
    held: Held
    by: str | None


def held_by(session: Session, account: str) -> frozenset[Held]:
    """Give the roles of an account."""
    rows = session.execute(select(AccountRole.role, AccountRole.site).where(AccountRole.account == account))
    return frozenset(Held(role, site) for role, site in rows)


def roles_of(session: Session, account: str) -> frozenset[Role]:
    """Give the roles of an account, whatever their site."""
    return frozenset(each.role for each in held_by(session, account))


def held_by_all(session: Session) -> dict[str, list[Held]]:
    """Give everybody's roles by account, each person's in order."""
    found: dict[str, list[Held]] = {}
    for account, role, site in session.execute(select(AccountRole.account, AccountRole.role, AccountRole.site)):
        found.setdefault(account, []).append(Held(role, site))
    return {account: sorted(held) for account, held in found.items()}


def accounts_with(session: Session, roles: Iterable[Role]) -> frozenset[str]:
    """Give the ids of the accounts that have one of some roles."""
    return frozenset(session.scalars(select(AccountRole.account).where(AccountRole.role.in_(tuple(roles)))))


def spell_roles(roles: Iterable[Role]) -> str:
    """Name roles in a sentence of the command line."""
    return "role " + ", ".join(sorted(roles))


def require_first(held: Held) -> Held:
    """Give the first role of an account that is being made; raise `RoleRefusedError` when it cannot be that."""
    fault = policy.judge_giving((), held, understood="")
    if fault:
        raise RoleRefusedError(fault, held)
    return held


def enter_role(session: Session, change: RoleChange, now: datetime, *, warned: bool = False) -> None:
    """Enter a role and its line of history, unasked: for an account that is being made, or one that was judged."""
    role, site = change.held.role, change.held.site
    session.add(AccountRole(account=change.account, role=role, site=site, given_at=now, given_by=change.by))
    session.add(_line(change, now, given=True, warned=warned))


@dataclass(frozen=True, kw_only=True)
class Roles:
    """The roles of one school's people. `now` gives aware instants.

    `changed` is called inside the transaction of every change, after it, with whose role which one was: what hangs on
    roles follows at once.
    """

    database: Database
    now: Callable[[], datetime]
    changed: Callable[[Session, RoleChange], object]

    def give(self, change: RoleChange, *, understood: str = "") -> None:
        """Give a role; raise `RoleRefusedError`. `understood`: the role again, when its warning was read."""
        with self.database.writing() as session:
            _require_account(session, change.account)
            held = held_by(session, change.account)
            against = policy.goes_against(held, change.held.role)
            fault = policy.judge_giving(held, change.held, understood=understood)
            if fault:
                raise RoleRefusedError(fault, change.held, against)
            enter_role(session, change, self.now(), warned=bool(against))
            session.flush()
            self.changed(session, change)

    def take(self, change: RoleChange) -> None:
        """Take a role away and sign the person out, so that no page stands open; raise `RoleRefusedError`."""
        with self.database.writing() as session:
            _require_account(session, change.account)
            held, admins = held_by(session, change.account), accounts_with(session, (Role.ADMIN,))
            fault = policy.judge_taking(held, change.held, admins=len(admins))
            if fault:
                raise RoleRefusedError(fault, change.held)
            session.delete(session.get_one(AccountRole, (change.account, change.held.role, change.held.site)))
            session.add(_line(change, self.now(), given=False))
            end_logins(session, change.account)
            session.flush()
            self.changed(session, change)


def history_of(session: Session, account: str) -> Sequence[RoleEvent]:
    """Give the history of an account's roles, the newest line first."""
    return session.scalars(select(RoleEvent).where(RoleEvent.account == account).order_by(RoleEvent.id.desc())).all()


def _require_account(session: Session, account: str) -> None:
    if session.get(Account, account) is None:
        raise OperatorError(f"account {account[:40]}: nobody has this id")


def _line(change: RoleChange, now: datetime, *, given: bool, warned: bool = False) -> RoleEvent:
    role, site = change.held.role, change.held.site
    return RoleEvent(account=change.account, role=role, site=site, given=given, warned=warned, by=change.by, at=now)
