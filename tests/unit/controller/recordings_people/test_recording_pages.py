"""What controller/recordings/views.py shows to an owner, and what it does at their word."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from controller.recordings.models import Recording, RecordingState
from tests.house import PASSWORD, House, Teacher, post
from tests.lesson import GOOD_SOUND, Lesson, MediaSegment, bookmark, sound_measured

TAPS = (bookmark(1, 5.0), bookmark(2, 1.0))


@pytest.fixture
def teacher(house: House) -> Teacher:
    """Give the owner."""
    return house.add_teacher()


@pytest.fixture
def lesson(house: House, teacher: Teacher, takes: list[MediaSegment]) -> Lesson:
    """Deliver a lesson with a bookmark in each take."""
    made = house.make_lesson(teacher, takes, events=TAPS)
    house.deliver(made)
    return made


@pytest.fixture
def browser(house: House, teacher: Teacher) -> FlaskClient:
    """Give the owner's browser."""
    return house.browser(teacher)


def _state(house: House, recording: str) -> RecordingState:
    with house.services.database.reading() as session:
        return session.get_one(Recording, recording).state


def test_list_shows_own_recordings_only(house: House, browser: FlaskClient, lesson: Lesson) -> None:
    """The owner finds when, how long, the sound in words, and that it is ready; a colleague finds an empty page."""
    page = browser.get("/recordings").text
    for words in ("Monday, November 23, 2026", "9:15", "12 seconds", "Sound is good", "Ready to watch", lesson.id):
        assert words in page, words
    other = house.browser(house.add_teacher("Bea Other"))
    page = other.get("/recordings").text
    assert lesson.id not in page
    assert "No recordings here" in page
    assert other.get("/api/v1/recordings").json == {"recordings": []}


def test_list_for_programs_names_state_and_length(browser: FlaskClient, lesson: Lesson) -> None:
    """The JSON says what the page says, in fields."""
    (found,) = browser.get("/api/v1/recordings").json["recordings"]
    assert (found["id"], found["state"], found["duration_ms"]) == (lesson.id, "ready", 12_000)
    assert (found["began_at"], found["sound_verdict"]) == ("2026-11-23T08:15:00.000Z", "good")


def test_speech_share_is_shown_where_it_was_measured(
    house: House, teacher: Teacher, browser: FlaskClient, takes: list[MediaSegment]
) -> None:
    """The newest measures count; a manifest without a speech share, as the first release wrote it, shows none."""
    house.deliver(house.make_lesson(teacher, takes))
    assert "Speech share" not in browser.get("/recordings").text
    measured = sound_measured(replace(GOOD_SOUND, speech_permille=624))
    house.deliver(house.make_lesson(teacher, takes, events=[measured]))
    assert "Speech share: 62%" in browser.get("/recordings").text
    found = browser.get("/api/v1/recordings").json["recordings"]
    assert sorted(each["speech_permille"] or 0 for each in found) == [0, 624]


def test_recording_on_its_way_cannot_be_played(
    house: House, teacher: Teacher, browser: FlaskClient, takes: list[MediaSegment]
) -> None:
    """While segments are missing the page says so, and has no player."""
    recording = house.deliver(house.make_lesson(teacher, takes), only=2)
    assert "On its way from the classroom" in browser.get("/recordings").text
    page = browser.get(f"/recordings/{recording}").text
    assert "as soon as all of it is here" in page
    assert "<video" not in page
    assert browser.get(f"/recordings/{recording}/stream.m3u8").status_code == 404


def test_title_is_the_owners(browser: FlaskClient, lesson: Lesson) -> None:
    """A title is kept, shown escaped, and an empty one brings the date back."""
    page = f"/recordings/{lesson.id}"
    post(browser, f"{page}/title", page=page, title=" Fractions <5b> ")
    assert "Fractions &lt;5b&gt;" in browser.get("/recordings").text
    post(browser, f"{page}/title", page=page, title="   ")
    assert "Fractions" not in browser.get("/recordings").text


def test_bookmarks_stand_where_they_play(browser: FlaskClient, lesson: Lesson) -> None:
    """A tap one second into the second take plays at nine seconds: the pause takes no time."""
    page = browser.get(f"/recordings/{lesson.id}").text
    assert 'data-seek="5.000"' in page
    assert 'data-seek="9.000"' in page


def test_bookmark_gets_its_owners_name(browser: FlaskClient, lesson: Lesson) -> None:
    """A name is kept by the bookmark's line; an empty one takes it away."""
    page, line = f"/recordings/{lesson.id}", lesson.line_of(TAPS[0])
    answer = post(browser, f"{page}/bookmarks/{line}", page=page, name="Group work begins")
    assert answer.headers["Location"].endswith(f"{page}#bookmark-{line}")
    assert 'value="Group work begins"' in browser.get(page).text
    post(browser, f"{page}/bookmarks/{line}", page=page, name="")
    assert "Group work" not in browser.get(page).text


def test_only_bookmarks_get_names(browser: FlaskClient, lesson: Lesson) -> None:
    """Other lines of the manifest, and lines that do not exist, are no bookmarks."""
    page = f"/recordings/{lesson.id}"
    for line in (0, 1, 9999):
        assert post(browser, f"{page}/bookmarks/{line}", page=page, name="x").status_code == 404


def test_owner_reads_who_watched(house: House, browser: FlaskClient, lesson: Lesson) -> None:
    """The page lists every viewing, the owner's own too; opening the page is none."""
    page = f"/recordings/{lesson.id}"
    browser.get(page)
    assert "Nobody yet" in browser.get(page).text
    browser.get(f"{page}/stream.m3u8")
    shown = browser.get(page).text
    assert "Nobody yet" not in shown
    assert "You ·" in shown


def test_deletion_asks_first_and_locks_at_once(house: House, browser: FlaskClient, lesson: Lesson) -> None:
    """Looking at the question deletes nothing; the answer locks, and the page says until when it can be undone."""
    page = f"/recordings/{lesson.id}"
    assert "7 days" in browser.get(f"{page}/delete").text
    assert _state(house, lesson.id) is RecordingState.READY
    answer = post(browser, f"{page}/delete", page=f"{page}/delete")
    assert answer.headers["Location"] == "/recordings"
    assert _state(house, lesson.id) is RecordingState.LOCKED
    shown = browser.get("/recordings").text
    assert "Dec 1, 2026" in shown
    assert "<video" not in browser.get(page).text


def test_deletion_is_undone_within_seven_days(
    house: House, teacher: Teacher, browser: FlaskClient, lesson: Lesson
) -> None:
    """The owner takes it back and can watch again."""
    page = f"/recordings/{lesson.id}"
    post(browser, f"{page}/delete", page=f"{page}/delete")
    house.clock.pass_time(timedelta(days=6, hours=23))
    fresh = _browser_again(house, teacher)
    post(fresh, f"{page}/undelete", page="/recordings")
    assert _state(house, lesson.id) is RecordingState.READY
    assert fresh.get(f"{page}/stream.m3u8").status_code == 200


def test_deletion_cannot_be_undone_later(house: House, teacher: Teacher, browser: FlaskClient, lesson: Lesson) -> None:
    """After seven days the page offers no way back, and asking for it is refused in words."""
    page = f"/recordings/{lesson.id}"
    post(browser, f"{page}/delete", page=f"{page}/delete")
    house.clock.pass_time(timedelta(days=7))
    fresh = _browser_again(house, teacher)
    assert "undelete" not in fresh.get("/recordings").text
    post(fresh, f"{page}/undelete", page="/account")
    assert "no longer be undone" in fresh.get("/recordings").text
    assert _state(house, lesson.id) is RecordingState.LOCKED


def _browser_again(house: House, teacher: Teacher) -> FlaskClient:
    login = house.accounts.sign_in(email=teacher.email, password=PASSWORD, address="10.0.0.7")
    return house.browser(replace(teacher, login=login))


@pytest.mark.parametrize(
    ("language", "date", "unknown"),
    [
        ("en", "From Friday, December 25, 2026 on nothing opens it", "is not known yet"),
        ("es", "A partir del viernes, 25 de diciembre de 2026 nada la abre", "Todavía no se sabe"),
    ],
)
def test_delete_page_says_by_when_nothing_opens_it(
    house: House, teacher: Teacher, lesson: Lesson, language: str, date: str, unknown: str
) -> None:
    """The latest of file, rotation and epoch as a day, in the owner's language; no day while one of them has none (P8):
    the store's key rotates by itself only where a place for its backup is named."""
    core = replace(house.services.config.controller, keys_backup=house.services.config.controller.keys)
    config = replace(house.services.config, controller=core)
    backed = replace(house, services=replace(house.services, config=config))

    def ask(at: House) -> str:
        return at.browser(teacher).get(f"/recordings/{lesson.id}/delete", headers={"Accept-Language": language}).text

    assert unknown in ask(house)
    assert date in ask(backed)
    assert unknown not in ask(backed)


@pytest.mark.parametrize("verb", ["title", "delete", "undelete", "bookmarks/5"])
def test_nobody_else_changes_anything(house: House, lesson: Lesson, verb: str) -> None:
    """To another teacher and to an admin every action answers that there is no such recording."""
    app = house.app
    for person in (house.add_teacher("Bea Other"), house.add_admin()):
        browser = house.browser(person, app)
        answer = post(browser, f"/recordings/{lesson.id}/{verb}", page="/account", title="mine", name="mine")
        assert answer.status_code == 404
        assert browser.get(f"/recordings/{lesson.id}").status_code == 404
    assert _state(house, lesson.id) is RecordingState.READY


def test_discarded_or_destroyed_recordings_are_not_shown(house: House, browser: FlaskClient, lesson: Lesson) -> None:
    """What is gone for good is on no page."""
    with house.services.database.writing() as session:
        session.get_one(Recording, lesson.id).state = RecordingState.DESTROYED
    assert lesson.id not in browser.get("/recordings").text
    assert browser.get(f"/recordings/{lesson.id}").status_code == 404
