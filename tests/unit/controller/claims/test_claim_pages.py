"""What the pages ask and show: nothing of a recording before *yes*, and to nobody that one exists but who was there."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from controller.accounts.models import Role
from controller.claims.models import OwnershipEvent
from controller.claims.policy import Said
from controller.claims.services import Word, say
from controller.consent.rules import Rules
from controller.recordings.models import BookmarkName, Ownership, Recording, RecordingState
from tests.claims import enter_word, history_of, leave_unclaimed, row_of
from tests.days import put_in_room
from tests.house import House, Teacher, form_token, post
from tests.lesson import bookmark
from tests.ruled import set_first_rules
from tests.unit.controller.uploads.unit_client import made_up_segment

TAP = bookmark(1, 0.5)


@pytest.fixture
def asked(house: House, ada: Teacher) -> str:
    """Deliver a lesson for which its owner was not asked yet."""
    return house.deliver_unasked(house.make_lesson(ada, [made_up_segment()], events=[TAP]))


@pytest.fixture
def browser(house: House, ada: Teacher) -> FlaskClient:
    """Give the owner's browser."""
    return house.browser(ada)


def answer(browser: FlaskClient, recording: str, said: str) -> int:
    """Answer the question as the page does."""
    place = f"/recordings/{recording}/whose"
    return post(browser, place, page=place, said=said).status_code


def test_recording_leads_to_the_question_before_anything_else(browser: FlaskClient, asked: str) -> None:
    """Its page asks *Was this you?* with room, day and hour, and shows no player, length or sound."""
    page = browser.get(f"/recordings/{asked}", follow_redirects=True).text
    for words in ("Was this you?", "Room 12", "November 23", "Yes, it was me", "My substitute", "Not me", "10 school"):
        assert words in page, words
    assert "Please answer until the end of" in page
    assert "December 8" in page
    for words in ("<video", "Sound", "seconds", "Bookmarks", "Title"):
        assert words not in page, words
    listed = browser.get("/recordings").text
    assert f"/recordings/{asked}/whose" in listed
    assert "Sound is good" not in listed


def test_nothing_opens_before_yes(house: House, browser: FlaskClient, asked: str) -> None:
    """Playlist, media, titles, bookmarks, deletion and export are not there, and programs are told its time alone."""
    for address in ("stream.m3u8", "media/1", "delete"):
        assert browser.get(f"/recordings/{asked}/{address}").status_code == 404, address
    token = form_token(browser.get("/account").text)
    for verb in ("title", "delete", "undelete", "bookmarks/3", "today"):
        data = {"csrf_token": token, "title": "x", "name": "x"}
        assert browser.post(f"/recordings/{asked}/{verb}", data=data).status_code == 404, verb
    (told,) = browser.get("/api/v1/recordings").json["recordings"]
    assert (told["id"], told["ownership"], told["state"]) == (asked, "provisional", "ready")
    assert [told[name] for name in ("duration_ms", "segments", "sound_verdict", "speech_permille")] == [None] * 4
    assert row_of(house, asked).state is RecordingState.READY


def test_yes_opens_it_once_and_for_all(house: House, browser: FlaskClient, asked: str) -> None:
    """From then on it plays, nothing asks again, and *my substitute* is heard no more."""
    assert answer(browser, asked, "yes") == 302
    assert "<video" in browser.get(f"/recordings/{asked}").text
    assert browser.get(f"/recordings/{asked}/stream.m3u8").status_code == 200
    token = form_token(browser.get("/account").text)
    browser.post(f"/recordings/{asked}/whose", data={"csrf_token": token, "said": "substitute"})
    assert row_of(house, asked).ownership is Ownership.CONFIRMED
    assert history_of(house, asked) == [Said.YES]


def test_yes_by_mistake_can_be_let_go(house: House, ada: Teacher, browser: FlaskClient, asked: str) -> None:
    """It is nobody's from then on, without the title and the names that were given to it, and can be claimed."""
    answer(browser, asked, "yes")
    page = f"/recordings/{asked}"
    line = house.services.manifests.load(asked, row_of(house, asked).recorder_key).events[-1].number
    post(browser, f"{page}/title", page=page, title="Mine")
    post(browser, f"{page}/bookmarks/{line}", page=page, name="Group work")
    assert "This was not my lesson" in browser.get(page).text
    post(browser, f"{page}/whose", page=page, said="not_me")
    row = row_of(house, asked)
    assert (row.owner, row.ownership, row.title) == ("", Ownership.UNCLAIMED, "")
    assert browser.get(page).status_code == 404
    with house.services.database.reading() as session:
        assert session.query(BookmarkName).count() == 0


def test_owner_reads_who_said_what_of_whose_it_is(house: House, ada: Teacher, browser: FlaskClient, asked: str) -> None:
    """By the names of the accounts; in their language, and a word of nobody's as Backrow's."""
    bea = house.add_teacher("Bea Other", room="Room 13")
    with house.services.database.writing() as session:
        row, at = session.get_one(Recording, asked), house.clock()
        assert say(session, row, Word(said=Said.UNANSWERED, at=at))
        assert say(session, row, Word(said=Said.CLAIMED, by=bea.id, at=at), owner=bea.id)
        assert say(session, row, Word(said=Said.NOT_ME, by=bea.id, at=at))
        assert say(session, row, Word(said=Said.CLAIMED, by=ada.id, at=at), owner=ada.id)
    page = " ".join(browser.get(f"/recordings/{asked}").text.split())
    lines = (
        "Backrow: whoever was asked did not answer in time",
        "Bea Other: I taught there, it is mine",
        "Bea Other: it was not me",
        "You: I taught there, it is mine",
    )
    places = [page.index(line) for line in lines]
    assert places == sorted(places)
    spanish = browser.get(f"/recordings/{asked}", headers={"Accept-Language": "es"}).text
    assert "Bea Other: no fui yo" in spanish
    with house.services.database.writing() as session:
        session.get_one(OwnershipEvent, 2).by = house.services.new_id()
    assert "a former account: I taught there, it is mine" in browser.get(f"/recordings/{asked}").text


def test_nobody_but_the_owner_reads_who_said_what(house: House, ada: Teacher, browser: FlaskClient, asked: str) -> None:
    """Not a colleague who had it, an admin or a principal; nor its owner before they said that it was theirs."""
    assert "who said so" not in browser.get(f"/recordings/{asked}", follow_redirects=True).text
    assert answer(browser, asked, "yes") == 302
    assert "You: yes, it was me" in browser.get(f"/recordings/{asked}").text
    app, bea = house.make_app(), house.add_teacher("Bea Other", room="Room 13")
    others = [bea, house.add_admin(), house.add_person("Pia Head", Role.PRINCIPAL)]
    assert [house.browser(each, app).get(f"/recordings/{asked}").status_code for each in others] == [404] * 3


@pytest.mark.parametrize("said", ["substitute", "not_me"])
def test_other_answers_lock_it_for_everybody(house: House, ada: Teacher, asked: str, said: str) -> None:
    """The one who answered, a colleague, and an admin find no such recording, and nothing of it in any list."""
    app = house.app
    answer(house.browser(ada, app), asked, said)
    for person in (ada, house.add_teacher("Bea Other", room="Room 13"), house.add_admin()):
        browser = house.browser(person, app)
        for address in ("", "/whose", "/stream.m3u8", "/media/1", "/delete"):
            assert browser.get(f"/recordings/{asked}{address}").status_code == 404
        if person.id != ada.id:
            assert asked not in browser.get("/recordings/nobodys").text
    assert house.browser(ada, app).get("/api/v1/recordings").json == {"recordings": []}


def test_answer_that_is_none_changes_nothing(house: House, browser: FlaskClient, asked: str) -> None:
    """A form with another word, or with a word that is not the owner's to say, is refused."""
    for said in ("", "maybe", "vouched", "claimed", "over"):
        assert answer(browser, asked, said) == 422, said
    assert row_of(house, asked).ownership is Ownership.PROVISIONAL


def test_hurried_answer_can_be_taken_back(house: House, ada: Teacher, browser: FlaskClient, asked: str) -> None:
    """Whom the manifest names finds the lesson under those without an owner, and one press gives it back."""
    answer(browser, asked, "not_me")
    assert "A lesson without an owner" in browser.get("/recordings").text
    page = browser.get("/recordings/nobodys").text
    assert asked in page
    assert "until the end of Tuesday, December 8, 2026" in page
    shown = post(browser, f"/recordings/nobodys/{asked}", page="/recordings/nobodys")
    assert shown.headers["Location"] == "/recordings"
    assert row_of(house, asked).owner == ada.id


def test_teacher_names_a_lesson_on_the_page(house: House, ada: Teacher) -> None:
    """Room, day and time by the school's clock; what is missing, or lies ahead, is asked for again."""
    lost, bea = leave_unclaimed(house, ada, [made_up_segment()]), house.add_teacher("Bea Other", room="Room 13")
    place, browser = "/recordings/nobodys", house.browser(bea)
    room = put_in_room(house, ada.device, "Room 12")
    for fields in ({}, {"room": room}, {"room": room, "day": "2026-12-24", "time": "09:15"}, {"room": "x"}):
        refused = post(browser, place, page=place, **fields)
        assert refused.status_code == 422, fields
        assert "lie in the past" in refused.text
    taken = post(browser, place, page=place, room=room, day="2026-11-23", time="09:20")
    assert taken.headers["Location"] == "/recordings"
    assert row_of(house, lost).owner == bea.id


def test_second_person_reads_a_word_and_nothing_of_recordings(house: House, ada: Teacher) -> None:
    """Name, room and time; no id of a recording, and the same whether there is one or not."""
    set_first_rules(house.services, Rules(second_person_confirms=True))
    lost, bea = leave_unclaimed(house, ada, [made_up_segment()]), house.add_teacher("Bea Other", room="Room 13")
    room = put_in_room(house, ada.device, "Room 12")
    teacher = house.browser(bea)
    for at in ("09:20", "14:00"):
        post(teacher, "/recordings/nobodys", page="/recordings/nobodys", room=room, day="2026-11-23", time=at)
    principal = house.browser(house.add_person("Pia Principal", Role.PRINCIPAL))
    page = principal.get("/who-taught").text
    assert page.count("Bea Other</span>") == 2
    assert "Room 12" in page
    assert lost not in page
    assert lost not in teacher.get("/recordings").text


def test_second_person_speaks_on_the_page(house: House, ada: Teacher) -> None:
    """One press; what they said is no longer asked, and who speaks for themselves finds no such word."""
    word = enter_word(house, claimant=ada.id)
    keeper = house.browser(house.add_person("Kim Keeper", Role.KEEPER))
    assert post(keeper, f"/who-taught/{word}", page="/who-taught", said="maybe").status_code == 422
    assert post(keeper, f"/who-taught/{word}", page="/who-taught", said="vouched").status_code == 302
    assert "Nobody waits for you" in keeper.get("/who-taught").text
    assert post(keeper, f"/who-taught/{word}", page="/account", said="refused").status_code == 404


def test_short_recording_is_offered_to_be_discarded(house: House, ada: Teacher, browser: FlaskClient) -> None:
    """Under two minutes, once it is theirs: one press deletes it, and the usual undo brings it back."""
    recording = house.deliver(house.make_lesson(ada, [made_up_segment()]))
    assert "Under two minutes" in browser.get("/recordings").text
    post(browser, f"/recordings/{recording}/delete", page="/recordings")
    assert row_of(house, recording).state is RecordingState.LOCKED
    assert "Under two minutes" not in browser.get("/recordings").text
    post(browser, f"/recordings/{recording}/undelete", page="/recordings")
    assert row_of(house, recording).state is RecordingState.READY
