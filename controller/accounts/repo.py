"""Reading and writing the accounts' tables; decides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from controller.accounts.models import Account, Login, OneTimeLink, SignInAttempt


def find_account(session: Session, email: str) -> Account | None:
    """Give the account with an address, which must be normalised."""
    return session.scalars(select(Account).where(Account.email == email)).first()


def list_accounts(session: Session) -> Sequence[Account]:
    """Give all accounts by name."""
    return session.scalars(select(Account).order_by(Account.name, Account.email)).all()


def names_of(session: Session, accounts: set[str]) -> dict[str, str]:
    """Give the names of some accounts by id."""
    rows = session.execute(select(Account.id, Account.name).where(Account.id.in_(accounts)))
    return {account: name for account, name in rows}


def links_of(session: Session, account: str) -> Sequence[OneTimeLink]:
    """Give the one-time links that were made for an account, the newest first."""
    found = select(OneTimeLink).where(OneTimeLink.account == account).order_by(OneTimeLink.made_at.desc())
    return session.scalars(found).all()


def end_links(session: Session, account: str, now: datetime) -> None:
    """End all links of an account that were not used."""
    held = (OneTimeLink.account == account, OneTimeLink.used_at.is_(None), OneTimeLink.ends_at > now)
    session.execute(update(OneTimeLink).where(*held).values(ends_at=now))


def end_logins(session: Session, account: str) -> None:
    """Sign the account out everywhere."""
    session.execute(delete(Login).where(Login.account == account))


def end_login(session: Session, token_digest: str) -> None:
    """Sign one browser out."""
    session.execute(delete(Login).where(Login.token_digest == token_digest))


def forget_before(session: Session, *, attempts: datetime, logins: datetime) -> None:
    """Forget attempts and logins that decide nothing any more."""
    session.execute(delete(SignInAttempt).where(SignInAttempt.at < attempts))
    session.execute(delete(Login).where(Login.ends_at < logins))


def failed_at(session: Session, key: str, since: datetime) -> Sequence[datetime]:
    """Give when attempts against `key` failed since an instant."""
    found = select(SignInAttempt.at).where(SignInAttempt.key == key, SignInAttempt.at >= since)
    return session.scalars(found).all()
