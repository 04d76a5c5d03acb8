"""Every word of every page goes through the catalogue, and the catalogues are complete.

A made-up language marks what is translated, and marked data (names, dates) tells itself apart; whatever letters are
left on a page are bare strings.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from flask import Flask
from flask.testing import FlaskClient

from controller.config import LANGUAGES
from provisioning.catalogues import TRANSLATIONS, extract_words, find_missing, load_catalogue
from tests.house import House, post
from tests.lesson import MediaSegment, record_synthetic
from tests.pages import Addresses, furnish

PSEUDO = "eo"  # a language that Babel knows, and that we have no catalogue of
SHOWN_ATTRIBUTES = ("alt", "aria-label", "placeholder", "title", "data-done")
OURS = {"Backrow"}


@pytest.fixture(scope="module")
def segments() -> list[MediaSegment]:
    """Record three seconds."""
    return record_synthetic(seconds=3)


@pytest.fixture(scope="module")
def words() -> Catalog:
    """Read the words of all pages and programs."""
    return extract_words()


class _Shown(HTMLParser):
    """Collects what a page shows or says: text outside of scripts, and attributes that are read out."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._quiet: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        facts = dict(attrs)
        self.texts += [facts[name] or "" for name in SHOWN_ATTRIBUTES if name in facts]
        own_language = "lang" in facts and tag != "html"
        if (tag in ("script", "style") or own_language) and tag not in ("input", "meta", "link"):
            self._quiet.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._quiet and self._quiet[-1] == tag:
            self._quiet.pop()

    def handle_data(self, data: str) -> None:
        if not self._quiet:
            self.texts.append(data)


def find_bare_words(page: str) -> set[str]:
    """Give the words that neither the catalogue nor data said."""
    shown = _Shown()
    shown.feed(page)
    bare: set[str] = set()
    for text in shown.texts:
        rest = re.sub(r"⟪[^⟫]*⟫", "", text)
        while (inner := re.sub(r"⟦[^⟦⟧]*⟧", "", rest)) != rest:  # a text may carry one that was translated by itself
            rest = inner
        rest = re.sub(r"\S+@school\.example", "", rest)
        rest = re.sub(r"\b[a-z2-7]{26}\b", "", rest)  # an id is data, and the same in every language
        bare |= set(re.findall(r"[^\W\d_]{2,}", rest))
    return bare - OURS


def _speak_pseudo(app: Flask, words: Catalog, folder: Path) -> None:
    """Add the made-up language, and mark the data that filters write."""
    catalogue = deepcopy(words)
    for message in catalogue:
        ids = message.id if isinstance(message.id, list | tuple) else (message.id,)
        marked = tuple(_mark_sentences(text) for text in ids)
        message.string = marked if len(ids) > 1 else marked[0]
    target = folder / PSEUDO / "LC_MESSAGES" / "messages.mo"
    target.parent.mkdir(parents=True)
    with target.open("wb") as file:
        write_mo(file, catalogue)
    app.extensions["babel"].translation_directories = [str(folder)]
    app.config["BACKROW_LANGUAGES"].clear()
    app.config["BACKROW_LANGUAGES"][PSEUDO] = "Pseudo"
    for name in ("day", "hour", "instant", "amount"):
        app.jinja_env.filters[name] = _marked(app.jinja_env.filters[name])
    app.jinja_env.bytecode_cache = None  # what other filters wrote into templates as they were compiled is not marked


def _mark_sentences(text: str) -> str:
    """Mark each sentence, and what stands before its colon: a page may show the meaning of a lamp without its look."""
    return "".join(part if part in (": ", ". ") else f"⟦{part}⟧" for part in re.split(r"(: |\. )", text))


def _marked(write: Callable[..., str]) -> Callable[..., str]:
    return lambda *values: f"⟪{write(*values)}⟫"


def _forms(keeper: FlaskClient, found: Addresses) -> Iterator[tuple[str, str]]:
    """Give the pages of forms, before and after those of this language are printed, and what is said of mistakes."""
    for name, address in found.of_keeper.items():
        yield name, keeper.get(address).text
    entry, sheets = found.of_keeper["forms-entry-form"], found.of_keeper["forms-sheets"]
    post(keeper, sheets, page=sheets)
    yield "forms made", keeper.get(sheets).text
    code = entry.partition("=")[2]
    for typed in ("BC", "BBBBBBBC", code[1] + code[0] + code[2:], code[:7] + ("2" if code[7] != "2" else "3")):
        yield "code refused", keeper.get(f"/forms/entry?code={typed}").text
    for said, giver in (("maybe", "self"), ("granted", "aunt")):
        yield "answer refused", post(keeper, "/forms/entry", page=entry, code=code, said=said, giver=giver).text
    yield "undo refused", post(keeper, "/forms/entry/99/undo", page=entry).text


def _pages(house: House, app: Flask, found: Addresses) -> Iterator[tuple[str, str]]:
    """Give every page of the product, and those that a mistake leads to, with a name each."""
    teacher, admin, keeper, newcomer, nobody = (
        house.browser(one, app) for one in (found.teacher, found.admin, found.keeper, found.newcomer, None)
    )
    for browser in (teacher, admin, keeper, newcomer, nobody):
        browser.environ_base["HTTP_ACCEPT_LANGUAGE"] = PSEUDO
    yield "nothing recorded", newcomer.get("/recordings").text
    for name, address in found.of_teacher.items():
        yield name, teacher.get(address).text
    for name, address in found.of_admin.items():
        yield name, admin.get(address).text
    yield from _forms(keeper, found)
    for name, address in found.of_nobody.items():
        yield name, nobody.get(address).text
    yield "link made", post(admin, f"/accounts/{found.teacher.id}/link", page="/accounts").text
    yield "teacher added twice", post(admin, "/accounts", page="/accounts", name="⟪x⟫", email=found.teacher.email).text
    yield "teacher without a name", post(admin, "/accounts", page="/accounts", name="", email="").text
    yield from _refused_changes(admin, found)
    yield "form too old", nobody.post("/sign-in").text
    for password in ("short", "aaaaaaaaaaaaaaaa", "x" * 300, "four words in a row"):
        yield (
            "password refused",
            post(
                nobody, found.of_nobody["welcome"], page=found.of_nobody["welcome"], password=password, repeated=""
            ).text,
        )
    for _ in range(9):
        refused = post(nobody, "/sign-in", page="/sign-in", email="x@school.example", password="wrong")
    yield "too many attempts", refused.text
    yield "wrong password", post(nobody, "/sign-in", page="/sign-in", email="y@school.example", password="wrong").text
    post(teacher, "/account/language", page="/account", language="")
    yield "saved", teacher.get("/account").text
    yield "current password wrong", post(teacher, "/account/password", page="/account", current="wrong").text


def _refused_changes(admin: FlaskClient, found: Addresses) -> Iterator[tuple[str, str]]:
    """Give what a form of a unit's answers to each mistake that a person, or a page that is too old, can make."""
    unit = f"/units/{found.newcomer.device}/do"
    fields = {"room": "", "site": "", "tags": "", "owner": found.newcomer.id, "label": "⟪Room 14⟫"}
    mistakes: dict[str, dict[str, str]] = {
        "nothing": fields,
        "label": {**fields, "label": " "},
        "long": {**fields, "site": "x" * 99},
        "unprintable": {**fields, "room": "\u202e"},
        "tags": {**fields, "tags": ",".join(map(str, range(99)))},
        "owner": {**fields, "owner": "nobody@school.example"},
        "unknown": {**fields, "⟪colour⟫": "red"},
    }
    for name, sent in mistakes.items():
        yield f"move refused: {name}", _refused(admin, f"{unit}/move", sent)
    for name, replaces in (("self", found.newcomer.device), ("nobody", "nobody"), ("blank", "")):
        yield f"swap refused: {name}", _refused(admin, f"{unit}/swap", {"replaces": replaces})
    yield "identify refused", _refused(admin, f"{unit}/identify", {"⟪colour⟫": "red"})
    yield "accept refused", _refused(admin, f"{found.of_admin['unit-accept']}", {"why": " "})


def _refused(admin: FlaskClient, address: str, sent: dict[str, str]) -> str:
    answer = post(admin, address, page=address, **sent)
    assert answer.status_code == 422
    return answer.text


def test_no_page_says_a_bare_word(house: House, segments: list[MediaSegment], words: Catalog, tmp_path: Path) -> None:
    """In the made-up language every page, also after every mistake, shows marked words only."""
    app = house.make_app()
    _speak_pseudo(app, words, tmp_path / "pseudo")
    found = furnish(house, segments, mark=lambda text: f"⟪{text}⟫")
    seen = 0
    for name, page in _pages(house, app, found):
        assert "⟦" in page, name
        assert find_bare_words(page) == set(), name
        seen += 1
    assert seen >= 20


def test_bare_word_would_be_found() -> None:
    """The check itself sees text, labels and alternatives that nobody translated."""
    page = "<html lang=eo><p>⟦Hello⟧ <b>bare</b></p><input placeholder='Name'><script>var x = 'code';</script>"
    assert find_bare_words(page) == {"bare", "Name"}


def test_every_language_has_every_word(words: Catalog) -> None:
    """No text that is said anywhere lacks a translation, and none is only a guess."""
    assert {path.name for path in TRANSLATIONS.iterdir() if path.is_dir()} == set(LANGUAGES)
    assert len(list(words)) > 100
    for language in LANGUAGES:
        assert list(find_missing(load_catalogue(language), words)) == [], "run: python -m provisioning.catalogues"


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_translations_keep_their_placeholders(language: str) -> None:
    """A translation names the same values as the text that it stands for."""
    form = re.compile(r"%\((\w+)\)[sd]|\{(\w*)[^}]*\}")
    for message in load_catalogue(language):
        ids = message.id if isinstance(message.id, list | tuple) else (message.id,)
        strings = message.string if isinstance(message.string, list | tuple) else (message.string,)
        if not ids[0]:
            continue
        for text in strings:
            assert set(form.findall(text)) == set(form.findall(ids[-1])), text
            assert text.endswith("\n") == ids[0].endswith("\n"), text


def test_language_follows_account_then_browser_then_school(house: House) -> None:
    """Spanish by choice of the account, else by the browser's wish, else as the school is configured."""
    from provisioning.assets import compile_catalogues

    compile_catalogues(TRANSLATIONS)
    app, teacher = house.make_app(), house.add_teacher()
    nobody = house.browser(None, app)
    assert "Sign in" in nobody.get("/sign-in").text
    assert "Entrar" in nobody.get("/sign-in", headers={"Accept-Language": "es-MX,es;q=0.9"}).text
    assert "Sign in" in nobody.get("/sign-in", headers={"Accept-Language": "fi"}).text
    browser = house.browser(teacher, app)
    post(browser, "/account/language", page="/account", language="es")
    page = browser.get("/recordings", headers={"Accept-Language": "en"}).text
    assert '<html lang="es">' in page
    assert "Mis grabaciones" in page
    post(browser, "/account/language", page="/account", language="klingon")
    assert "My recordings" in browser.get("/recordings", headers={"Accept-Language": "en"}).text
