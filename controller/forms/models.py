"""Tables of the paper: versions of the form, the code on each printed form, and tables of answers that wait.

A version's row is never changed: it is what families signed. Rows hold opaque ids and never a name.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from controller.db import DIGEST_CHARS, ID_CHARS, Base
from controller.forms.codes import CODE_CHARS


class ConsentForm(Base):
    """One version of the form and the notice, known by the digest of what they say in every language."""

    __tablename__ = "consent_form"

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    digest: Mapped[str] = mapped_column(String(DIGEST_CHARS), unique=True)
    content: Mapped[str] = mapped_column(Text)
    """JSON: the facts of which it was made, and its words in each language."""
    made_at: Mapped[datetime]


class FormCode(Base):
    """The code on one person's form of one version."""

    __tablename__ = "form_code"
    __table_args__ = (UniqueConstraint("person", "form_version"),)

    code: Mapped[str] = mapped_column(String(CODE_CHARS), primary_key=True)
    person: Mapped[str] = mapped_column(ForeignKey("person.id"))
    form_version: Mapped[int] = mapped_column(ForeignKey("consent_form.version"))
    printed_at: Mapped[datetime]


class AnswerDraft(Base):
    """A table of answers that was read and waits for a decision; its row goes then, or at `ends_at`."""

    __tablename__ = "answer_draft"

    id: Mapped[str] = mapped_column(String(ID_CHARS), primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)
    """The answers, as controller/forms/drafts.py packs them."""
    made_at: Mapped[datetime]
    made_by: Mapped[str] = mapped_column(String(ID_CHARS))
    ends_at: Mapped[datetime] = mapped_column(index=True)
