"""In which language a page is shown, and the one door to gettext.

The account's choice goes before the browser's, and that before the school's. The catalogues lie in
controller/translations.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import flask_babel  # type: ignore[import-untyped]
from babel.units import format_unit
from flask import Flask, current_app, request

from controller.auth.access import find_signed_in
from controller.config import LANGUAGES, Config


def speak_languages(app: Flask, config: Config) -> None:
    """Choose language and time zone with each request."""
    languages: dict[str, str] = app.config.setdefault("BACKROW_LANGUAGES", dict(LANGUAGES))

    def choose() -> str:
        person = find_signed_in()
        if person and person.language in languages:
            return person.language
        return request.accept_languages.best_match(list(languages), config.controller.language) or "en"

    flask_babel.Babel(
        app,
        default_locale=config.controller.language,
        default_timezone=config.controller.time_zone.key,
        locale_selector=choose,
    )
    app.jinja_env.globals["languages"] = languages
    app.jinja_env.filters.update(day=format_day, hour=format_hour, instant=format_instant, amount=format_amount)
    app.jinja_env.globals["language_in_use"] = current_language


def current_language() -> str:
    """Name the language of the request."""
    return str(flask_babel.get_locale())


def gettext(text: str, **values: object) -> str:
    """Give a text in the language of the request."""
    return str(flask_babel.gettext(text, **values))


def ngettext(singular: str, plural: str, number: int, **values: object) -> str:
    """Give a text for a number of things, `%(num)d`, in the language of the request."""
    return str(flask_babel.ngettext(singular, plural, number, **values))


def languages_spoken() -> list[str]:
    """Give the languages of the pages."""
    return list(current_app.config["BACKROW_LANGUAGES"])


def say_in(language: str) -> Callable[..., str]:
    """Give what says a text in a language, whatever the request's is: a paper is for others than who prints it."""

    def say(text: str, **values: object) -> str:
        with flask_babel.force_locale(language):
            return gettext(text, **values)

    return say


def days_in(language: str) -> Callable[[int], str]:
    """Give what writes a number of days in a language."""
    return lambda number: str(format_unit(number, "day", "long", locale=language))


def format_day(instant: datetime) -> str:
    """Write the day of an instant in the school's time zone, weekday included."""
    return str(flask_babel.format_date(instant, "full"))


def format_hour(instant: datetime) -> str:
    """Write the time of day of an instant in the school's time zone."""
    return str(flask_babel.format_time(instant, "short"))


def format_instant(instant: datetime) -> str:
    """Write day and time of an instant in the school's time zone."""
    date, time = (str(flask_babel.format_date(instant, "medium")), format_hour(instant))
    return str(flask_babel.get_locale().datetime_formats["medium"]).format(time, date)


def format_amount(number: int, unit: str) -> str:
    """Write a number of units (`minute`, `second`, `day`) as the language does."""
    return format_unit(number, unit, "long", locale=flask_babel.get_locale())
