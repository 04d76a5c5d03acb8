"""Tables of the accounts: the person, their roles, one-time links that let them in, logins, and attempts to sign in.

The one place where names and addresses of people stand. Passwords are kept as argon2id hashes, links and logins as
SHA-256 of their random tokens: whoever reads the database can neither sign in nor use a link.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Boolean, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from controller.accounts.policy import LONGEST_EMAIL, LONGEST_NAME
from controller.db import DIGEST_CHARS, ID_CHARS, Base, ChoiceType

SITE_CHARS = 80


class Role(StrEnum):
    """What a person may at this school; one person can have several. None but a teacher's own recordings can be played.

    `VIEWER`: a coach or peer, `EVALUATOR`: who evaluates teachers; both see what was shared with them. `KEEPER`: the
    office that keeps rosters and answers. `IT`: who runs the units of a site or of all. `ADMIN`: who runs the server.
    """

    TEACHER = "teacher"
    VIEWER = "viewer"
    EVALUATOR = "evaluator"
    KEEPER = "consent_keeper"
    IT = "site_it"
    PRINCIPAL = "principal"
    PRIVACY = "privacy_officer"
    ADMIN = "admin"


class Account(Base):
    """One person. `email` is kept in lower case; without a `password_hash` only a one-time link lets them in."""

    __tablename__ = "account"

    id: Mapped[str] = mapped_column(String(ID_CHARS), primary_key=True)
    email: Mapped[str] = mapped_column(String(LONGEST_EMAIL), unique=True)
    name: Mapped[str] = mapped_column(String(LONGEST_NAME))
    language: Mapped[str | None] = mapped_column(String(16))
    """The chosen language of the pages; None follows the browser."""
    password_hash: Mapped[str | None] = mapped_column(String(200))
    password_set_at: Mapped[datetime | None]
    made_at: Mapped[datetime]


class AccountRole(Base):
    """A role that a person has: of one site, or with the empty text of the whole school."""

    __tablename__ = "account_role"

    account: Mapped[str] = mapped_column(ForeignKey("account.id"), primary_key=True)
    role: Mapped[Role] = mapped_column(ChoiceType(Role), primary_key=True)
    site: Mapped[str] = mapped_column(String(SITE_CHARS), primary_key=True, default="")
    given_at: Mapped[datetime]
    given_by: Mapped[str | None] = mapped_column(String(ID_CHARS))
    """The admin who gave it; None for one that was given on the server's command line."""


class RoleEvent(Base):
    """One line of the history of roles, which nothing overwrites: given or taken, by whom, against which warning."""

    __tablename__ = "role_event"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    account: Mapped[str] = mapped_column(ForeignKey("account.id"), index=True)
    role: Mapped[Role] = mapped_column(ChoiceType(Role))
    site: Mapped[str] = mapped_column(String(SITE_CHARS), default="")
    given: Mapped[bool] = mapped_column(Boolean)
    """Given, or else taken."""
    warned: Mapped[bool] = mapped_column(Boolean, default=False)
    """Whoever gave it had read that it does not go together with another role that the person has."""
    by: Mapped[str | None] = mapped_column(String(ID_CHARS))
    at: Mapped[datetime]


class OneTimeLink(Base):
    """A link with which its account's person, and nobody else, sets the account's password: once, before it ends."""

    __tablename__ = "one_time_link"

    token_digest: Mapped[str] = mapped_column(String(DIGEST_CHARS), primary_key=True)
    account: Mapped[str] = mapped_column(ForeignKey("account.id"), index=True)
    made_at: Mapped[datetime]
    made_by: Mapped[str | None] = mapped_column(String(ID_CHARS))
    """The admin who made it; None for one made on the server's command line."""
    ends_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class Login(Base):
    """One browser that is signed in. The row is the login: without it the cookie is worth nothing."""

    __tablename__ = "login"

    token_digest: Mapped[str] = mapped_column(String(DIGEST_CHARS), primary_key=True)
    account: Mapped[str] = mapped_column(ForeignKey("account.id"), index=True)
    began_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    ends_at: Mapped[datetime]


class SignInAttempt(Base):
    """A failed attempt to sign in: against what (`key`, a digest), and when."""

    __tablename__ = "sign_in_attempt"
    __table_args__ = (Index(None, "key", "at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(DIGEST_CHARS))
    at: Mapped[datetime]
