"""Gives people a code for the form as it is now, when it is printed; a code once given stays theirs."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from controller.db import batches
from controller.forms.codes import SEED_BYTES, make_code
from controller.forms.models import FormCode
from controller.forms.versions import Content, require_version
from controller.services import Services


def issue_codes(services: Services, people: Collection[str], content: Content) -> int:
    """Give everybody of some people a code of this version who has none; give the version."""
    now = services.clock()
    with services.database.writing() as session:
        version = require_version(session, content, now)
        held = codes_of(session, people, version)
        for person in people:
            if person not in held:
                code = _new_code(session, services)
                session.add(FormCode(code=code, person=person, form_version=version, printed_at=now))
    return version


def _new_code(session: Session, services: Services) -> str:
    while session.get(FormCode, code := make_code(services.random_bytes(SEED_BYTES))):
        pass  # one in ten thousand million
    return code


def codes_of(session: Session, people: Collection[str], version: int) -> dict[str, str]:
    """Give the codes that some people have of a version, by person."""
    found: dict[str, str] = {}
    for batch in batches(people):
        asked = select(FormCode.person, FormCode.code).where(
            FormCode.form_version == version, FormCode.person.in_(batch)
        )
        found.update((person, code) for person, code in session.execute(asked))
    return found
