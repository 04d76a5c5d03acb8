"""Makes the form as the settings are now, in the languages of the pages; needs the application of a request."""

from __future__ import annotations

from sqlalchemy.orm import Session

from controller.auth.languages import days_in, languages_spoken, say_in
from controller.forms.versions import Content, compose
from controller.forms.wording import Speech
from controller.services import Services


def compose_now(session: Session, services: Services) -> Content:
    """Make it."""
    speeches = {language: Speech(say_in(language), days_in(language)) for language in languages_spoken()}
    return compose(session, services.config.retention, speeches)
