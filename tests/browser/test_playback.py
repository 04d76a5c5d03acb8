"""A real browser plays real footage out of sealed segments, seeks back and forth, and names bookmarks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from tests.browser.chromium import wait_until
from tests.browser.conftest import Served
from tests.footage import FootageCache
from tests.house import PASSWORD
from tests.lesson import MediaSegment, bookmark, record_file, record_synthetic

pytestmark = pytest.mark.browser

POSITION = "document.getElementById('player').currentTime"
READY = "(document.getElementById('player')?.readyState ?? 0)"
FILMS = (
    *("bigbuckbunny", "bikes", "variable_rate", "rotated", "baseline_60"),
    *(pytest.param(name, marks=pytest.mark.soak) for name in ("people", "high_24_stereo")),
)


@pytest.fixture(scope="module")
def takes() -> list[MediaSegment]:
    """Record two takes: six seconds in two segments, and four."""
    return [*record_synthetic(seconds=6, segment_s=3), *record_synthetic(take=2, seconds=4)]


class Player:
    """The player's page of one recording, and what went wrong in it."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.errors: list[str] = []
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.goto(address)
        page.evaluate("document.getElementById('player').muted = true")
        wait_until(page, READY, lambda state: state >= 2)

    def seek(self, to_s: float) -> None:
        """Move, and wait until a picture of that place is there."""
        self.page.evaluate(f"document.getElementById('player').currentTime = {to_s}")
        ready = f"{READY} >= 2 && !document.getElementById('player').seeking && Math.abs({POSITION} - {to_s}) < 0.3"
        wait_until(self.page, ready)

    def play_from_to(self, start_s: float, end_s: float) -> None:
        """Play from one place until another is reached."""
        self.seek(start_s)
        self.page.evaluate("document.getElementById('player').play()")
        wait_until(self.page, POSITION, lambda position: position >= end_s)
        self.page.evaluate("document.getElementById('player').pause()")

    def play_to_end(self, start_s: float) -> None:
        """Play from a place until the player says that this is the end."""
        self.seek(start_s)
        self.page.evaluate("document.getElementById('player').play()")
        wait_until(self.page, "document.getElementById('player').ended")

    def measure(self, name: str) -> float:
        """Give a number that the video element knows."""
        return float(self.page.evaluate(f"document.getElementById('player').{name}"))

    def draw(self) -> list[int]:
        """Give the picture that is shown, as 16 by 9 shades of grey."""
        return list(self.page.evaluate(DRAW))


DRAW = """() => {
  const video = document.getElementById("player"), canvas = document.createElement("canvas");
  canvas.width = 16; canvas.height = 9;
  const pen = canvas.getContext("2d");
  pen.drawImage(video, 0, 0, 16, 9);
  const data = pen.getImageData(0, 0, 16, 9).data, shades = [];
  for (let at = 0; at < data.length; at += 4) shades.push(Math.round((data[at] + data[at + 1] + data[at + 2]) / 3));
  return shades;
}"""


@pytest.fixture
def page(served: Served) -> Iterator[Page]:
    """Open a window of the one teacher."""
    with served.sign_in(served.house.add_teacher()) as context:
        yield context.new_page()


def _deliver(served: Served, segments: list[MediaSegment], **facts: object) -> tuple[str, Page]:
    teacher = served.house.add_teacher()
    lesson = served.house.make_lesson(teacher, segments, **facts)  # type: ignore[arg-type]
    recording = served.house.deliver(lesson)
    return f"{served.site}/recordings/{recording}", served.sign_in(teacher).new_page()


@pytest.mark.parametrize("name", FILMS)
def test_film_plays_and_seeks(served: Served, films: FootageCache, name: str) -> None:
    """Whatever was recorded plays from its beginning, from its middle, backwards, and to its end, without an error.

    Among them: one keyframe in five seconds and six-channel sound, B-frames without sound, a picture that is turned,
    a changing rate, 60 pictures a second.
    """
    segments = record_file(films.path(name), segment_s=4)
    address, page = _deliver(served, segments)
    player = Player(page, address)
    length_s = player.measure("duration")
    last = segments[-1].fragments[-1]
    assert length_s == pytest.approx((last.start_ticks + last.duration_ticks) / 90_000, abs=0.35)
    player.play_from_to(0.2, 0.8)
    player.seek(length_s * 0.7)
    late = player.draw()
    player.seek(length_s * 0.2)
    assert player.draw() != late
    player.seek(length_s * 0.7)
    assert player.draw() == pytest.approx(late, abs=12)
    player.play_to_end(length_s - 0.6)
    assert player.errors == []
    assert player.measure("videoWidth") > 0
    page.context.close()


def test_film_with_open_groups_plays_and_says_where_it_cannot_seek(served: Served, films: FootageCache) -> None:
    """It plays through from the beginning; where Chromium cannot begin to decode, the page says so and does not hang.

    Chromium's decoder gives up on pictures before a keyframe that refer to pictures before that (ITU-T H.264, open
    groups). Our own encoders make none; some cameras whose files are replayed do.
    """
    address, page = _deliver(served, record_file(films.path("open_gop"), segment_s=4))
    player = Player(page, address)
    player.play_to_end(0)
    assert player.errors == []
    page.reload()
    wait_until(page, READY, lambda state: state >= 2)
    page.evaluate("document.getElementById('player').currentTime = 7")
    page.get_by_text("The recording could not be loaded").wait_for()
    page.context.close()


def test_take_after_a_pause_follows_without_a_gap(served: Served, takes: list[MediaSegment]) -> None:
    """Ten seconds of two takes play as ten seconds; the seam is played across."""
    address, page = _deliver(served, takes)
    player = Player(page, address)
    assert player.measure("duration") == pytest.approx(10, abs=0.2)
    player.play_from_to(5.2, 6.8)
    player.seek(8)
    player.seek(1)
    player.play_from_to(1, 1.5)
    assert player.errors == []
    page.context.close()


def test_bookmark_leads_to_its_moment_and_gets_a_name(served: Served, takes: list[MediaSegment]) -> None:
    """A tap in the second take is found where it plays; its name is kept without leaving the page."""
    address, page = _deliver(served, takes, events=[bookmark(1, 2.5), bookmark(2, 1.0)])
    player = Player(page, address)
    page.get_by_role("button", name="Play from 0:07").click()
    wait_until(page, POSITION, lambda position: 6.9 < position < 9)
    page.get_by_label("Name of the bookmark at 0:07").fill("Group work begins")
    page.get_by_role("button", name="Save").nth(1).click()
    page.get_by_text("Saved.").wait_for()
    assert player.measure("readyState") >= 2, "the player goes on while a name is kept"
    page.reload()
    assert page.get_by_label("Name of the bookmark at 0:07").input_value() == "Group work begins"
    assert player.errors == []
    page.context.close()


def test_torn_segment_plays_up_to_the_cut(served: Served, takes: list[MediaSegment]) -> None:
    """What a power cut left plays, and what was recorded after it, too."""
    address, page = _deliver(served, [takes[0], takes[2]], torn=frozenset({1}))
    player = Player(page, address)
    length_s = player.measure("duration")
    assert 4.5 < length_s < 7
    player.play_from_to(0, 1)
    player.play_from_to(length_s - 1, length_s - 0.3)
    assert player.errors == []
    page.context.close()


def test_first_sign_in_to_first_picture(served: Served, takes: list[MediaSegment]) -> None:
    """By mouse and keyboard alone: a one-time link, a password, the list, *Was this you?*, the picture."""
    house = served.house
    teacher = house.add_teacher()
    house.deliver_unasked(house.make_lesson(teacher, takes))
    link = house.accounts.issue_link(teacher.id, made_by=None)
    with served.sign_in(None) as context:
        page = context.new_page()
        page.goto(f"{served.site}/welcome/{link}")
        page.get_by_label("New password").fill(PASSWORD)
        page.get_by_label("The same password again").fill(PASSWORD)
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Was this you?").click()
        assert page.locator("#player").count() == 0
        page.get_by_role("button", name="Yes, it was me").click()
        wait_until(page, READY, lambda state: state >= 2)
        page.get_by_role("button", name="Sign out").click()
        page.get_by_role("heading", name="Sign in").wait_for()
        page.go_back()
        assert page.get_by_label("Password").count() == 1, "nothing of the recording is shown again"


def test_deletion_stops_a_player_that_is_open(served: Served, takes: list[MediaSegment]) -> None:
    """In another window the owner deletes: the open player gets nothing more, and says so."""
    address, page = _deliver(served, takes)
    Player(page, address)
    other = page.context.new_page()
    other.goto(f"{address}/delete")
    other.get_by_role("button", name="Delete").click()
    other.get_by_text("Nobody can watch it any more").wait_for()
    page.reload()
    assert page.locator("#player").count() == 0
    page.context.close()
