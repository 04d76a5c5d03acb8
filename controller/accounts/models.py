"""Tables of the accounts: the person, the one-time links that let them in, their logins, and attempts to sign in.

The one place where names and addresses of people stand. Passwords are kept as argon2id hashes, links and logins as
SHA-256 of their random tokens: whoever reads the database can neither sign in nor use a link.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from controller.accounts.policy import LONGEST_EMAIL, LONGEST_NAME
from controller.db import DIGEST_CHARS, ID_CHARS, Base, ChoiceType


class Role(StrEnum):
    """What an account is for. An admin runs the service and can play no recording."""

    TEACHER = "teacher"
    ADMIN = "admin"


class Account(Base):
    """One person. `email` is kept in lower case; without a `password_hash` only a one-time link lets them in."""

    __tablename__ = "account"

    id: Mapped[str] = mapped_column(String(ID_CHARS), primary_key=True)
    email: Mapped[str] = mapped_column(String(LONGEST_EMAIL), unique=True)
    name: Mapped[str] = mapped_column(String(LONGEST_NAME))
    role: Mapped[Role] = mapped_column(ChoiceType(Role))
    language: Mapped[str | None] = mapped_column(String(16))
    """The chosen language of the pages; None follows the browser."""
    password_hash: Mapped[str | None] = mapped_column(String(200))
    password_set_at: Mapped[datetime | None]
    made_at: Mapped[datetime]


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
