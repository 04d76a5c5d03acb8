"""Reads what somebody sent, whatever kind it is: a OneRoster zip, a plain table, or pasted names of one class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO

from sqlalchemy import select
from sqlalchemy.orm import Session

from controller.accounts.models import Account
from controller.roster.archive import MIB
from controller.roster.flaws import Flaw, Flawed, flaw
from controller.roster.found import Reading
from controller.roster.lists import MOST_PASTED_BYTES, PASTED, read_list, read_table, split_name
from controller.roster.models import Scope
from controller.roster.oneroster import read_oneroster

MOST_BYTES = 64 * MIB
_ZIP = b"PK"


def read_file(data: IO[bytes], name: str, *, site: str | None, scope: Scope) -> Reading:
    """Read a file, by what it begins with: a zip is OneRoster's. `site` None: as the zip names its schools.

    `scope` says of what a plain table is the whole; a zip is always that of its sites.
    """
    size = data.seek(0, 2)
    data.seek(0)
    if size > MOST_BYTES:
        return _refused(flaw(Flawed.FILE_TOO_LARGE, name, most=MOST_BYTES // MIB))
    if size == 0:
        return _refused(flaw(Flawed.FILE_EMPTY, name))
    begin = data.read(len(_ZIP))
    data.seek(0)
    if begin == _ZIP:
        return read_oneroster(data, name, site=site)
    return read_table(data, name, site=site or "", scope=scope)


def read_pasted(session: Session, text: str, *, title: str, site: str, teachers: Sequence[str]) -> Reading:
    """Read pasted names; `teachers` are ids of accounts, who are in the class as well."""
    if len(text.encode()) > MOST_PASTED_BYTES:
        return _refused(flaw(Flawed.TOO_LONG, PASTED, most=MOST_PASTED_BYTES, got=len(text.encode())))
    found = session.scalars(select(Account).where(Account.id.in_(teachers)).order_by(Account.name))
    adults = [(split_name(account.name), account.email) for account in found]
    return read_list(text, title=title, site=site, adults=adults)


def _refused(what: Flaw) -> Reading:
    return Reading(roster=None, flaws=(what,), flaws_in_all=1)
