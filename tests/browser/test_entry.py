"""A consent keeper enters a pile of forms in a real browser by the keyboard alone: a code, Enter, one key."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from playwright.sync_api import Page, PdfMargins, expect
from sqlalchemy import select

from controller.accounts.models import Role
from controller.consent.models import AnswerRow
from controller.forms.codes import CODE_CHARS
from tests.browser.conftest import Served
from tests.forms import make_pile

pytestmark = pytest.mark.browser

FORMS = [20, pytest.param(40, marks=pytest.mark.soak)]
"""Twenty show every key, both ways of entering a code, and more than the list of the last holds; forty are a pile."""
MARGIN: PdfMargins = {"top": "15mm", "bottom": "15mm", "left": "15mm", "right": "15mm"}
PRESSED = "ggpvngggnw"


class Hand:
    """A hand that only presses keys, and counts them."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self.keys = 0

    def press(self, *keys: str) -> None:
        """Press some keys, one after the other."""
        for key in keys:
            self._page.keyboard.press(key)
            self.keys += 1

    def scan(self, code: str) -> None:
        """Type as a scanner does, which no hand does: the code and Enter."""
        self._page.keyboard.type(code)
        self._page.keyboard.press("Enter")


@pytest.mark.parametrize("forms", FORMS)
def test_pile_is_entered_by_keyboard_alone(served: Served, forms: int) -> None:
    """Ten keys for each form that is typed, one for each that is scanned; the focus is where it is needed."""
    house = served.house
    pile = make_pile(house, [f"Pupil{number:02d} Family{number:02d}" for number in range(forms)], by="office")
    with served.sign_in(house.add_person("Olga Office", Role.KEEPER)) as context:
        page = context.new_page()
        page.goto(f"{served.site}/forms/entry")
        hand = Hand(page)
        for number, code in enumerate(pile.codes):
            before, scanned = hand.keys, number % 2
            if scanned:
                hand.scan(code)
            else:
                hand.press(*code.lower(), "Enter")
            expect(page.locator("#whose")).to_contain_text(f"Pupil{number:02d}")
            expect(page.locator("#said")).to_be_focused()
            hand.press(PRESSED[number % len(PRESSED)])
            expect(page.get_by_role("status")).to_contain_text(f"Pupil{number:02d}")
            expect(page.locator("#code")).to_be_focused()
            assert hand.keys - before == (1 if scanned else CODE_CHARS + 2)
        assert page.locator("#last .row").count() == 10
    with house.services.database.reading() as session:
        rows = session.scalars(select(AnswerRow).order_by(AnswerRow.number)).all()
    assert [row.person for row in rows] == list(pile.pupils)
    said = Counter((row.picture, row.voice, row.is_withdrawal) for row in rows)
    full = "record,self"
    counted = {key: PRESSED.count(key) * forms // len(PRESSED) for key in "gpvnw"}
    assert said == {
        (full, full, False): counted["g"],
        (full, "", False): counted["p"],
        ("", full, False): counted["v"],
        ("", "", False): counted["n"],
        ("", "", True): counted["w"],
    }


def test_other_guardian_is_one_key_more_and_nothing_is_entered_by_accident(served: Served) -> None:
    """A key that means nothing, the second Enter of a scanner, Enter in a field and Escape write nothing."""
    house = served.house
    pile = make_pile(house, ("Ana García", "Ben Kim"), by="office")
    with served.sign_in(house.add_person("Olga Office", Role.KEEPER)) as context:
        page = context.new_page()
        page.goto(f"{served.site}/forms/entry?code={pile.codes[0]}")
        hand = Hand(page)
        hand.press("Enter", "x", "Shift")
        page.locator("summary").focus()
        hand.press("Enter")
        page.locator("#holds-until").focus()
        hand.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("choose one of those that are shown")
        page.locator("input[name=giver]").first.focus()
        hand.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("choose one of those that are shown")
        expect(page.locator("#said")).to_be_focused()
        hand.press("Escape")
        expect(page.locator("#code")).to_be_focused()
        hand.scan(pile.codes[1])
        expect(page.locator("#said")).to_be_focused()
        hand.press("2")
        expect(page.get_by_label("The other guardian")).to_be_checked()
        hand.press("n")
        expect(page.get_by_role("status")).to_contain_text("No")
    with house.services.database.reading() as session:
        rows = session.scalars(select(AnswerRow)).all()
    assert [(row.person, row.giver, row.picture) for row in rows] == [(pile.pupils[1], "guardian_2", "")]


def test_scanner_enters_nothing_while_a_form_waits_for_its_answer(served: Served) -> None:
    """Its characters are no answers, whatever letters the next code has; the page says so, and one key answers."""
    house = served.house
    pile = make_pile(house, ("Ana García", "Ben Kim"), by="office")
    with served.sign_in(house.add_person("Olga Office", Role.KEEPER)) as context:
        page = context.new_page()
        page.goto(f"{served.site}/forms/entry?code={pile.codes[0]}")
        expect(page.locator("#said")).to_be_focused()
        Hand(page).scan("GPVNW2GG")
        expect(page.get_by_role("alert")).to_contain_text("nothing was entered")
        page.wait_for_timeout(500)
        expect(page.locator("#said")).to_be_focused()
        page.keyboard.press("p")
        expect(page.get_by_role("status")).to_contain_text("García, Ana: Only the picture")
    with house.services.database.reading() as session:
        assert [row.giver for row in session.scalars(select(AnswerRow))] == ["guardian_1"]


def test_slip_is_undone_and_wrong_code_is_mended_by_keyboard(served: Served) -> None:
    """The undo is a button in the list; after a wrong code the field has the focus and says why by an alert."""
    house = served.house
    pile = make_pile(house, ("Ana García",), by="office")
    with served.sign_in(house.add_person("Olga Office", Role.KEEPER)) as context:
        page = context.new_page()
        page.goto(f"{served.site}/forms/entry?code={pile.codes[0]}")
        page.keyboard.press("g")
        page.wait_for_url("**/forms/entry")
        page.get_by_role("button", name="Undo the entry for Ana García").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("status")).to_contain_text("what held before holds again")
        expect(page.locator("#code")).to_be_focused()
        page.keyboard.type("BCDE-FGH0")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("character 8 is “0”")
        expect(page.locator("#code")).to_be_focused()


def test_each_form_prints_on_one_page(served: Served) -> None:
    """As many pages of A4 as pupils, also in the longer language, and nothing of the page around them."""
    house = served.house
    pile = make_pile(house, ("Ana García", "Ben Kim", "Maximiliana-Esperanza de la Concepción y Torres"), by="office")
    with served.sign_in(house.add_person("Olga Office", Role.KEEPER)) as context:
        page = context.new_page()
        page.emulate_media(media="print")
        for language in ("en", "es"):
            page.goto(f"{served.site}/forms/classes/{pile.class_id}/sheets?whose=everybody&language={language}")
            count = re.search(rb"/Type /Pages\s*/Count (\d+)", page.pdf(format="A4", margin=MARGIN))
            assert count
            assert int(count.group(1)) == len(pile.codes)
            expect(page.locator("header.top")).to_be_hidden()
            expect(page.locator(".paper svg")).to_have_count(len(pile.codes))
