"""What the player gets from controller/recordings/streaming.py, who gets it, and what is written down about it."""

from __future__ import annotations

import io
from datetime import timedelta

import av
import pytest
from flask.testing import FlaskClient

from controller.audit.models import View
from controller.recordings.models import Recording
from controller.recordings.services import delete_recording
from provisioning.demo.viewer import parse_playlist
from tests.house import House, Teacher
from tests.lesson import MediaSegment


@pytest.fixture
def teacher(house: House) -> Teacher:
    """Give the owner of the lesson."""
    return house.add_teacher()


@pytest.fixture
def recording(house: House, teacher: Teacher, takes: list[MediaSegment]) -> str:
    """Deliver the lesson."""
    return house.deliver(house.make_lesson(teacher, takes))


@pytest.fixture
def browser(house: House, teacher: Teacher) -> FlaskClient:
    """Give the owner's browser."""
    return house.browser(teacher)


def _views(house: House) -> list[tuple[str, str]]:
    with house.services.database.reading() as session:
        return [(view.recording, view.viewer) for view in session.query(View).order_by(View.id)]


def _play(browser: FlaskClient, recording: str) -> list[bytes]:
    """Fetch what a player fetches; one string of bytes for each init and what follows it."""
    streams: list[bytes] = []
    for stretch in parse_playlist(browser.get(f"/recordings/{recording}/stream.m3u8").text):
        last = stretch.offset + stretch.length - 1
        answer = browser.get(
            f"/recordings/{recording}/{stretch.uri}", headers={"Range": f"bytes={stretch.offset}-{last}"}
        )
        assert answer.status_code == 206
        if stretch.offset == 0:
            streams.append(b"")
        streams[-1] += answer.data
    return streams


def test_played_bytes_are_the_recorded_ones(browser: FlaskClient, recording: str, takes: list[MediaSegment]) -> None:
    """What a player fetches is the init and the fragments of each take, byte for byte."""
    first, second = _play(browser, recording)
    recorded = [segment.data[segment.init_bytes :] for segment in takes]
    assert first == takes[0].data[: takes[0].init_bytes] + b"".join(recorded[:3])
    assert second == takes[3].data[: takes[3].init_bytes] + recorded[3]
    with av.open(io.BytesIO(first)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 200


def test_range_is_answered_with_that_range(browser: FlaskClient, recording: str, takes: list[MediaSegment]) -> None:
    """Ranges from the front, from the middle, open, and from the end: 206, the bytes, and where they stand."""
    data, size = takes[0].data, len(takes[0].data)
    ranges = {
        "bytes=0-99": (0, 100),
        "bytes=65530-65545": (65530, 65546),
        "bytes=100000-": (100000, size),
        "bytes=-500": (size - 500, size),
        f"bytes=10-{size + 5}": (10, size),
    }
    for asked, (start, stop) in ranges.items():
        answer = browser.get(f"/recordings/{recording}/media/1", headers={"Range": asked})
        assert (answer.status_code, answer.data) == (206, data[start:stop]), asked
        assert answer.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{size}"
        assert answer.content_length == stop - start


def test_request_without_a_usable_range_gets_the_whole(
    browser: FlaskClient, recording: str, takes: list[MediaSegment]
) -> None:
    """No range, several, another unit, or one that depends on a version that we do not name: the whole segment."""
    for headers in (
        {},
        {"Range": "bytes=0-1,5-6"},
        {"Range": "chunks=0-1"},
        {"Range": "bytes=nonsense"},
        {"Range": "bytes=0-1", "If-Range": '"something"'},
    ):
        answer = browser.get(f"/recordings/{recording}/media/2", headers=headers)
        assert (answer.status_code, answer.data) == (200, takes[1].data), headers
        assert answer.headers["Accept-Ranges"] == "bytes"


def test_range_outside_is_refused_with_the_size(
    browser: FlaskClient, recording: str, takes: list[MediaSegment]
) -> None:
    """A range behind the end is answered 416 with the true size (RFC 9110, 15.5.17)."""
    size = len(takes[0].data)
    answer = browser.get(f"/recordings/{recording}/media/1", headers={"Range": f"bytes={size}-"})
    assert (answer.status_code, answer.data) == (416, b"")
    assert answer.headers["Content-Range"] == f"bytes */{size}"
    assert answer.headers["Cache-Control"] == "no-store"


def test_head_tells_the_size_and_sends_nothing(browser: FlaskClient, recording: str, takes: list[MediaSegment]) -> None:
    """HEAD answers as GET would, without the bytes."""
    answer = browser.head(f"/recordings/{recording}/media/1")
    assert (answer.status_code, answer.data, answer.content_length) == (200, b"", len(takes[0].data))


@pytest.mark.parametrize("place", ["media/0", "media/5", "media/-1", "media/x"])
def test_segment_that_is_not_there_is_not_found(browser: FlaskClient, recording: str, place: str) -> None:
    """Only segments that the manifest names can be asked for; `key.age`, index 0, never."""
    assert browser.get(f"/recordings/{recording}/{place}").status_code == 404


def test_nobody_else_can_play(house: House, recording: str) -> None:
    """For another teacher and for an admin the recording does not exist; without a login nothing is said."""
    app = house.app
    for person, status in ((house.add_teacher("Bea Other"), 404), (house.add_admin(), 404), (None, 401)):
        browser = house.browser(person, app)
        for place in ("stream.m3u8", "media/1"):
            answer = browser.get(f"/recordings/{recording}/{place}")
            assert answer.status_code == status
            assert b"EXTM3U" not in answer.data
            assert b"moof" not in answer.data
    assert _views(house) == []


def test_deleted_recording_is_locked_at_once(house: House, browser: FlaskClient, recording: str) -> None:
    """The request after the deletion is refused, its owner's too."""
    assert browser.get(f"/recordings/{recording}/media/1").status_code == 200
    with house.services.database.writing() as session:
        row = session.get_one(Recording, recording)
        delete_recording(row, now=house.clock(), undo_days=7)
    for place in ("stream.m3u8", "media/1"):
        assert browser.get(f"/recordings/{recording}/{place}").status_code == 404


def test_login_that_ended_plays_nothing(house: House, browser: FlaskClient, teacher: Teacher, recording: str) -> None:
    """Signing out ends playing: the login is asked for with every range."""
    house.accounts.sign_out(teacher.login)
    assert browser.get(f"/recordings/{recording}/media/1").status_code == 401


def test_view_is_written_down_before_the_first_byte(
    house: House, browser: FlaskClient, teacher: Teacher, recording: str
) -> None:
    """Asking for the playlist is a view; so is asking for media without it."""
    browser.get(f"/recordings/{recording}/media/1", headers={"Range": "bytes=0-0"})
    assert _views(house) == [(recording, teacher.id)]


def test_one_sitting_is_one_view(house: House, browser: FlaskClient, teacher: Teacher, recording: str) -> None:
    """Watching for an hour is one view; coming back after a long pause is another."""
    for _ in range(6):
        browser.get(f"/recordings/{recording}/stream.m3u8")
        house.clock.pass_time(timedelta(minutes=10))
    assert len(_views(house)) == 1
    house.clock.pass_time(timedelta(minutes=31))
    browser.get(f"/recordings/{recording}/media/1")
    assert len(_views(house)) == 2


def test_segment_that_a_power_cut_ended_plays_up_to_the_cut(
    house: House, teacher: Teacher, takes: list[MediaSegment]
) -> None:
    """Its fragments are found in the opened boxes; everything before the cut decodes, and the next take follows."""
    lesson = house.make_lesson(teacher, [takes[0], takes[3]], torn=frozenset({1}))
    recording = house.deliver(lesson)
    first, second = _play(house.browser(teacher), recording)
    whole = takes[0].data
    assert whole.startswith(first)
    assert len(whole) // 3 < len(first) < len(whole)
    with av.open(io.BytesIO(first)) as container:
        assert sum(1 for _ in container.decode(video=0)) >= 25
    assert second.endswith(takes[3].data[takes[3].init_bytes :])


def test_identity_is_written_nowhere(
    house: House, browser: FlaskClient, recording: str, takes: list[MediaSegment]
) -> None:
    """Playing leaves neither the recording's identity nor plaintext in any file of the controller."""
    identity = house.services.key_store.get(recording).encode().encode()
    _play(browser, recording)
    files = [path for path in house.services.config.controller.data.parent.rglob("*") if path.is_file()]
    assert len(files) > 10
    for path in files:
        content = path.read_bytes()
        assert identity not in content, path
        assert takes[0].data[2000:2064] not in content, path
        assert b"moof" not in content, path


def test_destroyed_key_ends_playing(house: House, browser: FlaskClient, recording: str) -> None:
    """Without the key entry nothing plays, even if a row still says ready."""
    house.services.key_store.destroy(recording)
    assert browser.get(f"/recordings/{recording}/media/1").status_code == 404
