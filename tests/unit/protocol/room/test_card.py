"""The room card: the whole table on one page, nothing cut off, overlapping or out of the sheet, in every language."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import pytest
import segno

from device.config import LimitsTable, TimingsTable
from protocol.room.card import WIDTH, draw_card, tell_card
from protocol.room.drawing import Box, Disc, Drawing, Paper, Place, Stroke, Text, break_lines, draw_modules, set_text
from protocol.room.facts import HoldTimes, RoomFacts, parse_room
from protocol.room.helvetica import Weight, width_of
from protocol.room.lamp import PATTERNS, RECORDING, Audience, Light, without_blue
from protocol.room.looks import describe_look, draw_bar, split_words
from protocol.room.pdf import encode_pdf
from protocol.room.svg import encode_svg
from protocol.words import LanguageUnknown, load_language

PAGE = "https://backrow.school.example/recordings"
LANGUAGES = ["en", "es"]
FOR_ROOMS = [pattern for pattern in PATTERNS.values() if pattern.audience is not Audience.IT]
SVG = "{http://www.w3.org/2000/svg}"


def modules(address: str = PAGE) -> tuple[tuple[int, ...], ...]:
    """The QR code of an address."""
    return tuple(map(tuple, segno.make(address, error="m", micro=False).matrix_iter(border=4)))


def make_card(language: str = "en", paper: Paper = Paper.A4, **changes: object) -> Drawing:
    """The card of a room that has everything."""
    facts = RoomFacts(label="Room 12", page=PAGE, modules=modules())
    return draw_card(
        replace(facts, **changes),
        load_language(language).gettext,
        language=language,
        paper=paper,  # type: ignore[arg-type]
    )


def texts(card: Drawing) -> list[Text]:
    """The lines of text of a card."""
    return [shape for shape in card.shapes if isinstance(shape, Text)]


def words_of(card: Drawing) -> str:
    """All words of a card."""
    return " ".join(text.words for text in texts(card))


def extent(text: Text) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of a line's letters, without what hangs below the line."""
    return text.left, text.y - 0.7 * text.size, text.left + text.width, text.y


CARDS = pytest.mark.parametrize(
    "card",
    [make_card(language, paper, has_blue=blue) for language in LANGUAGES for paper in Paper for blue in (True, False)],
    ids=[f"{language} {paper.name} {lamp}" for language in LANGUAGES for paper in Paper for lamp in ("rgb", "two")],
)


@CARDS
def test_card_shows_every_pattern_for_rooms_with_its_words(card: Drawing) -> None:
    """Teachers' and hands' patterns, each with the first sentence of what it means."""
    said, say = words_of(card), load_language(card.language).gettext
    for pattern in FOR_ROOMS:
        if pattern.name in ("let_go", "let_go_or_hold_on", "discard_on_release"):
            continue  # the three of a held button stand beneath the scale, in the scale's words
        meaning, _ = split_words(say(pattern.words))
        assert meaning in said, pattern.name


@CARDS
def test_nothing_of_the_card_is_cut_off_or_too_small(card: Drawing) -> None:
    """No ellipsis, no letter below 2.2 mm, the meanings of teachers' patterns large: readable at arm's length."""
    assert not [text.words for text in texts(card) if text.words.endswith("…")]
    assert not [text.words for text in texts(card) if text.size < 2.2]
    say = load_language(card.language).gettext
    large = {split_words(say(p.words))[0] for p in PATTERNS.values() if p.audience is Audience.TEACHER}
    assert all(text.size >= 5 for text in texts(card) if text.words in large)


@CARDS
def test_lines_of_the_card_do_not_overlap(card: Drawing) -> None:
    """Every two lines of text stand apart."""
    overlaps = [
        (one.words, other.words)
        for one, other in combinations(texts(card), 2)
        if extent(one)[0] < extent(other)[2]
        and extent(other)[0] < extent(one)[2]
        and extent(one)[1] < extent(other)[3]
        and extent(other)[1] < extent(one)[3]
    ]
    assert overlaps == []


@CARDS
def test_card_keeps_a_margin_that_printers_need(card: Drawing) -> None:
    """Everything lies 7 mm inside the sheet."""
    wide, high = card.paper.value
    for shape in card.shapes:
        left, top, right, bottom = _bounds(shape)
        assert min(left, top, wide - right, high - bottom) >= 7, shape


def _bounds(shape: object) -> tuple[float, float, float, float]:
    match shape:
        case Box(x, y, width, height):
            return x, y, x + width, y + height
        case Disc(x, y, radius):
            return x - radius, y - radius, x + radius, y + radius
        case Stroke(x, y, to_x, to_y):
            return min(x, to_x), min(y, to_y), max(x, to_x), max(y, to_y)
        case Text():
            return extent(shape)
    raise AssertionError(shape)


def test_card_tells_the_rooms_own_times() -> None:
    """Configured for slow hands, and for a school that works late; with the language's decimal sign."""
    times = HoldTimes(stop_s=2.5, stop_until_s=6, discard_s=8, stuck_s=15)
    said = words_of(make_card("es", times=times, undo_until="20:30"))
    for words in ("Mantén 2,5 s y suelta", "0–2,5 s", "2,5–6 s", "6–8 s", "8–15 s", "20:30"):
        assert words in said


def test_hold_to_stop_stands_beside_the_drawn_button() -> None:
    """Largest but for the room's name, at the height of the button."""
    card = make_card()
    (button, *_) = [shape for shape in card.shapes if isinstance(shape, Disc)]
    (hold,) = [text for text in texts(card) if text.words == "Hold to stop"]
    assert button.x + button.radius < hold.left < button.x + 2.5 * button.radius
    assert abs(hold.y - button.y) < button.radius
    assert [text.words for text in texts(card) if text.size > hold.size] == ["Room 12"]


def test_card_of_a_lamp_without_blue_names_no_blue() -> None:
    """What the room sees is what the card says: red and green together, and never white."""
    said = words_of(make_card(has_blue=False)).lower()
    assert "blue" not in said
    assert "white" not in said
    assert "amber" not in said
    assert "red + green: slowly on and off" in said


def test_silent_room_is_told_of_no_chirps() -> None:
    """Where there is no buzzer nobody listens for one."""
    assert "chirps" in words_of(make_card())
    assert "chirps" not in words_of(make_card(has_buzzer=False))


def test_long_name_of_a_room_is_made_smaller() -> None:
    """It stays on its line, beside the QR code."""
    name = "Laboratorio de ciencias experimentales, edificio norte, segunda planta"
    (title, *_) = texts(make_card(label=name))
    assert title.left + title.width < (210 - WIDTH) / 2 + WIDTH - 40


def test_teachers_patterns_are_told_apart_by_their_words_alone() -> None:
    """In black and white, and read aloud."""
    for bare in (False, True):
        shown = [without_blue(p) if bare else p for p in PATTERNS.values() if p.audience is Audience.TEACHER]
        looks = [describe_look(pattern, str, has_blue=not bare) for pattern in shown]
        assert len(set(looks)) == len(looks)


def test_bar_is_the_patterns_rhythm() -> None:
    """Time goes from left to right: the boxes lie where the light is, and end with the frame."""
    frame = Box(10, 20, 60, 8)
    boxes = [s for s in draw_bar(PATTERNS["ready"], frame, seconds=6, has_blue=True) if isinstance(s, Box)]
    assert [(box.x, round(box.width, 3)) for box in boxes] == [(10, 3), (40, 3)]
    (steady,) = [s for s in draw_bar(RECORDING, frame, seconds=6, has_blue=True) if isinstance(s, Box)]
    assert (steady.x, steady.width) == (10, 60)


@pytest.mark.parametrize("language", LANGUAGES)
def test_words_of_every_pattern_have_a_look_and_a_meaning(language: str) -> None:
    """In each language "look: meaning." so that the card can say the meaning alone."""
    say = load_language(language).gettext
    for pattern in PATTERNS.values():
        meaning, _ = split_words(say(pattern.words))
        assert meaning.endswith("."), pattern.name
        assert say(pattern.words).count(": ") == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_card_can_be_told_in_sentences(language: str) -> None:
    """For whoever cannot see it: every press, every zone of a hold, every pattern for rooms, what is recorded."""
    facts = RoomFacts(label="Room 12")
    told = tell_card(facts, load_language(language).gettext)
    assert len(told) == 3 + 4 + len(FOR_ROOMS) + 1 + 2
    assert not [line for line in told if "%(" in line]


def test_rooms_defaults_are_the_units() -> None:
    """A card that is printed without settings tells what a unit without settings does."""
    timings, times = TimingsTable(), HoldTimes()
    assert times == HoldTimes(
        stop_s=timings.stop_s,
        stop_until_s=timings.stop_until_s,
        discard_s=timings.discard_s,
        stuck_s=timings.stuck_s,
    )
    assert RoomFacts(label="").undo_until == f"{LimitsTable().undo_until:%H:%M}"


def test_room_is_read_out_of_a_units_tables() -> None:
    """The tables with which a controller prepared a unit; what they do not say has its default."""
    tables = {
        "timings": {"stop_s": 3, "debounce_s": 0.05},
        "pins": {"kind": "gpio", "lamp": "red_green", "buzzer_kind": "none"},
        "limits": {"undo_until": "19:45:00"},
    }
    facts = parse_room("Library", tables, page=PAGE)
    assert facts == RoomFacts(
        label="Library",
        times=HoldTimes(stop_s=3.0),
        has_blue=False,
        has_buzzer=False,
        undo_until="19:45",
        page=PAGE,
    )
    assert parse_room("Library", {}) == RoomFacts(label="Library")


# ---- text


def test_text_is_broken_at_spaces_and_made_smaller_until_it_fits() -> None:
    """Lines are never wider than their place; at the smallest size the rest becomes an ellipsis."""
    place = Place(0, 0, 40, 6, lines=2, least=3)
    lines = set_text("The recording has ended and its last piece is being put away", place)
    assert 1 < len(lines) <= 2
    assert 3 <= lines[0].size < 6
    assert all(line.width <= 40 for line in lines)
    (cut,) = set_text("Donaudampfschifffahrtsgesellschaftskapitän", Place(0, 0, 20, 6, least=5))
    assert cut.words.endswith("…")
    assert cut.width <= 20


def test_width_of_a_line_is_helveticas() -> None:
    """Adobe's metrics: H 722, e 556, l 222, o 556; a bold i is wider."""
    assert width_of("Hello", Weight.REGULAR) == pytest.approx(0.722 + 0.556 + 2 * 0.222 + 0.556)
    assert width_of("i", Weight.BOLD) > width_of("i", Weight.REGULAR)
    assert break_lines("", 10, Weight.REGULAR) == [""]


# ---- files


def render(data: bytes, folder: Path, *options: str) -> subprocess.CompletedProcess[bytes]:
    """Give a PDF to one of poppler's tools."""
    path = folder / "card.pdf"
    path.write_bytes(data)
    return subprocess.run([options[0], str(path), *options[1:]], capture_output=True, check=True, timeout=60)


@pytest.mark.parametrize("paper", Paper)
def test_pdf_is_one_page_of_the_sheet_for_poppler(tmp_path: Path, paper: Paper) -> None:
    """Another program reads it without a complaint: one page, its size, its title."""
    found = render(encode_pdf(make_card("es", paper)), tmp_path, "pdfinfo")
    said = found.stdout.decode()
    assert found.stderr == b""
    assert "Pages:           1\n" in said
    assert "Tarjeta del aula: Room 12" in said
    sizes = {Paper.A4: "595.28 x 841.89 pts (A4)", Paper.LETTER: "612 x 792 pts (letter)"}
    assert f"Page size:       {sizes[paper]}" in said


def test_pdf_holds_the_words_as_text(tmp_path: Path) -> None:
    """It can be searched and read aloud, accents and brackets included."""
    said = render(encode_pdf(make_card("es", label="Aula (1) \\ ñ")), tmp_path, "pdftotext", "-").stdout.decode()
    for words in ("Aula (1) \\ ñ", "Mantén pulsado para parar", "Qué dice la luz", "2–5 s"):
        assert words in said


def test_pdf_names_the_letter_that_it_cannot_write() -> None:
    """Better no card than one with boxes; the SVG has no such limit."""
    card = make_card(label="教室")
    with pytest.raises(ValueError, match="the letter '教' is none of western Europe's"):
        encode_pdf(card)
    assert "教室".encode() in encode_svg(card)


def test_card_is_the_same_bytes_each_time() -> None:
    """No date, no chance: a school can compare."""
    assert encode_pdf(make_card()) == encode_pdf(make_card())
    assert encode_svg(make_card()) == encode_svg(make_card())


@CARDS
def test_svg_is_well_formed_and_loads_nothing(card: Drawing) -> None:
    """Only shapes and words; no style, no script, no link; named for whoever cannot see it."""
    root = ElementTree.fromstring(encode_svg(card))  # noqa: S314 our own file
    kinds = {element.tag.removeprefix(SVG) for element in root.iter()}
    assert kinds == {"svg", "title", "rect", "circle", "line", "text"}
    names = {name for element in root.iter() for name in element.attrib}
    assert not names & {"style", "class", "href", "onload"}
    assert root.findtext(f"{SVG}title") == card.title


def test_qr_code_of_the_printed_card_leads_to_the_page(tmp_path: Path) -> None:
    """Another program reads the address from the printed sheet, in grey."""
    render(encode_pdf(make_card()), tmp_path, "pdftoppm", "-r", "100", "-gray", "-png", str(tmp_path / "sheet"))
    (sheet,) = tmp_path.glob("sheet*.png")
    read = subprocess.run(["zbarimg", "--quiet", "--raw", str(sheet)], capture_output=True, check=True, timeout=60)
    assert read.stdout.decode().strip() == PAGE


def test_modules_of_the_qr_code_are_those_of_the_address() -> None:
    """The modules on the sheet, taken back from the drawing, are those of the address."""
    code = modules()
    size = float(len(code))
    assert _read_back(draw_modules(code, x=3, y=4, size=size), len(code)) == [
        [bool(one) for one in row] for row in code
    ]


def _read_back(shapes: Sequence[object], count: int) -> list[list[bool]]:
    found = [[False] * count for _ in range(count)]
    for box in shapes:
        assert isinstance(box, Box)
        if box.fill == "#000000":
            for column in range(round(box.x - 3), round(box.x - 3 + box.width)):
                found[round(box.y - 4)][column] = True
    return found


def test_language_without_a_catalogue_is_refused() -> None:
    """Nobody gets English in silence."""
    with pytest.raises(LanguageUnknown, match="no catalogue of 'xx'; expected one of en, es"):
        load_language("xx")


def test_two_lights_side_by_side_are_drawn_as_two() -> None:
    """The amber of a red and a green LED is half red, half green."""
    boxes = [
        s
        for s in draw_bar(PATTERNS["paused"], Box(0, 0, 10, 8), seconds=1, has_blue=False)
        if isinstance(s, Box) and s.fill
    ]
    assert [(box.fill, box.height) for box in boxes] == [("#c8171e", 4), ("#2fa84f", 4)]
    assert PATTERNS["paused"].beats[0].light is Light.AMBER
