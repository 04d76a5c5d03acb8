"""Lets people in: accounts, one-time links, signing in and out.

The only way to a password is a one-time link that its owner opens; nobody sets another's. A link or a login is a random
token that the database knows by its SHA-256 alone. Knows nothing of HTTP. Defined in docs/PRIVACY.md ("Signing in").
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from controller.accounts import policy, repo
from controller.accounts.models import Account, Login, OneTimeLink, Role, SignInAttempt
from controller.accounts.passwords import Passwords
from controller.accounts.policy import AttemptLimit, PasswordFault
from controller.accounts.role_policy import Held
from controller.accounts.roles import RoleChange, enter_role, held_by, require_first
from controller.db import Database
from controller.services import Services
from protocol.ids import ID_BYTES, make_id

_TOKEN_BYTES = 32


class AccountError(Exception):
    """Something about an account cannot be done; the subclass says what."""


class EmailTakenError(AccountError):
    """Another account has this address."""


class PersonRefusedError(AccountError):
    """What was given as a person's name or address cannot be one; the message says which."""


class LinkOverError(AccountError):
    """The one-time link is unknown, used, or over."""


class PasswordRefusedError(AccountError):
    """The password is not acceptable; `fault` says why."""

    def __init__(self, fault: PasswordFault) -> None:
        self.fault = fault
        super().__init__(f"the password is {fault.value.replace('_', ' ')}")


class SignInRefusedError(AccountError):
    """Address and password do not fit; which of the two is not said."""


class TooManyAttemptsError(AccountError):
    """Too many attempts failed; `wait` says how long to wait."""

    def __init__(self, wait: timedelta) -> None:
        self.wait = wait
        super().__init__(f"too many failed attempts; try again in {wait}")


@dataclass(frozen=True, kw_only=True)
class Person:
    """Who is signed in: what pages and checks need of an account."""

    id: str
    name: str
    email: str
    held: frozenset[Held]
    language: str | None

    @property
    def roles(self) -> frozenset[Role]:
        """Give the roles, of whatever site."""
        return frozenset(each.role for each in self.held)


@dataclass(frozen=True, kw_only=True)
class Accounts:
    """The accounts of one school. `now` gives aware instants, `random_bytes` unguessable bytes."""

    database: Database
    passwords: Passwords
    now: Callable[[], datetime]
    random_bytes: Callable[[int], bytes]

    def add(self, *, email: str, name: str, role: Role, site: str = "", by: str | None = None) -> str:
        """Add an account that nobody can sign in to yet, with its first role, and give its id.

        `by`: the admin who adds it; None on the server's command line.

        Raises `PersonRefusedError` when name or address cannot be one, `EmailTakenError`, `RoleRefusedError`.
        """
        if not policy.may_be_name(name):
            raise PersonRefusedError(f"name: expected 1 to {policy.LONGEST_NAME} characters in one line, got {name!r}")
        if not policy.may_be_email(email):
            raise PersonRefusedError(f"email: expected an address like ada@school.example, got {email!r}")
        first = require_first(Held(role, site.strip()))
        with self.database.writing() as session:
            if repo.find_account(session, policy.normalise_email(email)):
                raise EmailTakenError(f"there is an account with the address {email} already")
            account = Account(
                id=make_id(self.random_bytes(ID_BYTES)),
                email=policy.normalise_email(email),
                name=name.strip(),
                made_at=self.now(),
            )
            session.add(account)
            session.flush()
            enter_role(session, RoleChange(account=account.id, held=first, by=by), self.now())
            return account.id

    def issue_link(self, account: str, *, made_by: str | None) -> str:
        """Make a one-time link for an account and give its token; links made before it end."""
        token, now = self._make_token(), self.now()
        with self.database.writing() as session:
            repo.end_links(session, account, now)
            session.add(
                OneTimeLink(
                    token_digest=digest_token(token),
                    account=account,
                    made_at=now,
                    made_by=made_by,
                    ends_at=now + policy.LINK_LASTS,
                )
            )
        return token

    def find_link(self, token: str) -> Person:
        """Tell for whom a one-time link is; raise `LinkOverError` when it is not, or no longer, one."""
        with self.database.reading() as session:
            return _describe(session, self._require_link(session, token)[1])

    def redeem_link(self, token: str, *, password: str, repeated: str) -> str:
        """Set the password of a link's account, sign it out elsewhere, and give the token of a new login.

        Raises `LinkOverError`, or `PasswordRefusedError` after which the link still holds.
        """
        with self.database.reading() as session:
            email = self._require_link(session, token)[1].email
        self._require_password(password, repeated=repeated, email=email)
        password_hash = self.passwords.hash(password)
        with self.database.writing() as session:
            link, account = self._require_link(session, token)
            link.used_at = self.now()
            self._set_password(session, account, password_hash)
            return self._begin_login(session, account.id)

    def change_password(self, account: str, *, current: str, password: str, repeated: str) -> str:
        """Set one's own password, sign out elsewhere, and give the token of a new login.

        Raises `SignInRefusedError` when the current one is wrong, `PasswordRefusedError`, `TooManyAttemptsError`.
        """
        with self.database.reading() as session:
            row = session.get_one(Account, account)
        self._require_patience({_key("current", row.id): policy.PAIR_LIMIT})
        if not self.passwords.check(row.password_hash, current):
            self._note_failure([_key("current", row.id)])
            raise SignInRefusedError("the current password is wrong")
        self._require_password(password, repeated=repeated, email=row.email)
        password_hash = self.passwords.hash(password)
        with self.database.writing() as session:
            self._set_password(session, session.get_one(Account, account), password_hash)
            return self._begin_login(session, account)

    def sign_in(self, *, email: str, password: str, address: str) -> str:
        """Check address and password and give the token of a new login.

        Raises `SignInRefusedError`, or `TooManyAttemptsError` without looking at the password.
        """
        email = policy.normalise_email(email)
        limits = {
            _key("pair", email, address): policy.PAIR_LIMIT,
            _key("account", email): policy.ACCOUNT_LIMIT,
            _key("address", address): policy.ADDRESS_LIMIT,
        }
        self._require_patience(limits)
        with self.database.reading() as session:
            account = repo.find_account(session, email)
        known = account.password_hash if account else None
        if not self.passwords.check(known, password) or account is None:
            self._note_failure(list(limits))
            raise SignInRefusedError("address and password do not fit")
        with self.database.writing() as session:
            self._refresh_hash(session, account.id, password)
            return self._begin_login(session, account.id)

    def sign_out(self, token: str) -> None:
        """End a login; one that is over already is no error."""
        with self.database.writing() as session:
            repo.end_login(session, digest_token(token))

    def find_person(self, token: str) -> Person | None:
        """Tell who a login's token lets in, or None; being asked does not make the login last longer."""
        with self.database.reading() as session:
            login = session.get(Login, digest_token(token))
            if login is None or not policy.login_holds(
                last_seen_at=login.last_seen_at, ends_at=login.ends_at, now=self.now()
            ):
                return None
            return _describe(session, session.get_one(Account, login.account))

    def note_use(self, token: str) -> None:
        """Write down, every few minutes, that a login is in use, so that it lasts."""
        with self.database.reading() as session:
            login = session.get(Login, digest_token(token))
        if login is None or not policy.login_is_stale(login.last_seen_at, self.now()):
            return
        with self.database.writing() as session:
            row = session.get(Login, login.token_digest)
            if row is not None:
                row.last_seen_at = self.now()

    def choose_language(self, account: str, language: str | None) -> None:
        """Keep the language in which an account's pages are shown; None follows the browser."""
        with self.database.writing() as session:
            session.get_one(Account, account).language = language

    def _make_token(self) -> str:
        return base64.urlsafe_b64encode(self.random_bytes(_TOKEN_BYTES)).decode("ascii").rstrip("=")

    def _require_link(self, session: Session, token: str) -> tuple[OneTimeLink, Account]:
        link = session.get(OneTimeLink, digest_token(token))
        if link is None or not policy.link_holds(ends_at=link.ends_at, used_at=link.used_at, now=self.now()):
            raise LinkOverError("the one-time link is unknown, was used, or is over; ask for a new one")
        return link, session.get_one(Account, link.account)

    def _require_password(self, password: str, *, repeated: str, email: str) -> None:
        fault = policy.find_password_fault(password, repeated=repeated, email=email)
        if fault is not None:
            raise PasswordRefusedError(fault)

    def _set_password(self, session: Session, account: Account, password_hash: str) -> None:
        account.password_hash = password_hash
        account.password_set_at = self.now()
        repo.end_logins(session, account.id)

    def _refresh_hash(self, session: Session, account: str, password: str) -> None:
        row = session.get_one(Account, account)
        if row.password_hash and self.passwords.needs_rehash(row.password_hash):
            row.password_hash = self.passwords.hash(password)

    def _begin_login(self, session: Session, account: str) -> str:
        token, now = self._make_token(), self.now()
        repo.forget_before(session, attempts=now - policy.ATTEMPTS_WITHIN, logins=now)
        session.add(
            Login(
                token_digest=digest_token(token),
                account=account,
                began_at=now,
                last_seen_at=now,
                ends_at=now + policy.LOGIN_LASTS,
            )
        )
        return token

    def _require_patience(self, limits: dict[str, AttemptLimit]) -> None:
        now = self.now()
        with self.database.reading() as session:
            waits = [
                policy.decide_wait(repo.failed_at(session, key, now - policy.ATTEMPTS_WITHIN), limit, now)
                for key, limit in limits.items()
            ]
        if any(waits):
            raise TooManyAttemptsError(max(waits))

    def _note_failure(self, keys: list[str]) -> None:
        with self.database.writing() as session:
            session.add_all(SignInAttempt(key=key, at=self.now()) for key in keys)


def digest_token(token: str) -> str:
    """Give the form in which the database knows a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def _key(kind: str, *parts: str) -> str:
    return hashlib.sha256("\0".join((kind, *parts)).encode()).hexdigest()


def _describe(session: Session, account: Account) -> Person:
    held = held_by(session, account.id)
    return Person(id=account.id, name=account.name, email=account.email, held=held, language=account.language)


def make_accounts(services: Services) -> Accounts:
    """Make the accounts of a controller process from its parts."""
    return Accounts(
        database=services.database,
        passwords=Passwords(),
        now=services.clock,
        random_bytes=services.random_bytes,
    )
