"""Versions of the form: what families are asked is known by a digest, and a number stands for each digest.

Nothing numbers a version but printing it: the same facts and words have the same number for ever, whenever they hold
again. Who can be asked is no part of it, because a new clerk makes no old form.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from controller.config import Retention
from controller.consent.repo import newest_rules
from controller.consent.rules import Rules
from controller.forms.facts import FormFacts, encode_facts, facts_of, parse_facts
from controller.forms.models import ConsentForm
from controller.forms.policy import Choice
from controller.forms.wording import FormWords, Section, Speech, word_form


@dataclass(frozen=True)
class Content:
    """Everything of a version: its facts, and its words by language."""

    facts: FormFacts
    words: Mapping[str, FormWords]


def rules_in_force(session: Session) -> Rules:
    """Give the school's rules, or the strict ones while it has none."""
    held = newest_rules(session)
    return held[1] if held else Rules()


def compose(session: Session, retention: Retention, speeches: Mapping[str, Speech]) -> Content:
    """Make the form as the settings are now, in every language."""
    facts = facts_of(rules_in_force(session), retention)
    return Content(facts, {language: word_form(facts, speech) for language, speech in sorted(speeches.items())})


def encode_content(content: Content) -> str:
    """Write a version as its row keeps it; the same version gives the same text."""
    tables = {
        "facts": encode_facts(content.facts),
        "words": {language: words._asdict() for language, words in content.words.items()},
    }
    return json.dumps(tables, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def parse_content(text: str) -> Content:
    """Read what `encode_content` wrote."""
    tables = json.loads(text)
    return Content(parse_facts(tables["facts"]), {name: _words(each) for name, each in tables["words"].items()})


def _words(values: Mapping[str, Any]) -> FormWords:
    """Read the words of a version; those that another release did not have are blank."""
    read: dict[str, Any] = {name: _as_tuple(values[name]) for name in FormWords._fields if name in values}
    read["boxes"] = tuple((Choice(choice), words) for choice, words in values["boxes"])
    read["notice"] = tuple(Section(title, tuple(lines)) for title, lines in values["notice"])
    return _NO_WORDS._replace(**read)


_NO_WORDS = FormWords("", (), "", (), "", ("", "", ""), (), (), "", "", "", "", ())


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def digest_of(content: Content) -> str:
    """Give the name of what a version says."""
    return hashlib.sha256(encode_content(content).encode()).hexdigest()


def find_version(session: Session, content: Content) -> int | None:
    """Give the number of a version; None while it was never printed."""
    return session.scalar(select(ConsentForm.version).where(ConsentForm.digest == digest_of(content)))


def require_version(session: Session, content: Content, now: datetime) -> int:
    """Give the number of a version, and give it one when it has none; the session must be for writing."""
    if (found := find_version(session, content)) is not None:
        return found
    row = ConsentForm(digest=digest_of(content), content=encode_content(content), made_at=now)
    session.add(row)
    session.flush()
    return row.version


def read_version(session: Session, version: int) -> Content | None:
    """Give what a version says; None for a number that no form has."""
    row = session.get(ConsentForm, version)
    return parse_content(row.content) if row else None


def newest_version(session: Session) -> int:
    """Give the highest number of a form; 0 before the first."""
    return session.scalar(select(func.max(ConsentForm.version))) or 0
