"""The room card: one page that tells a room what its lamp says, what a hand can do, what is recorded and what never.

Drawn from the one table of patterns and the room's own facts; to be read in a minute at arm's length, also in black and
white. Words are English gettext message ids; `say` translates them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from protocol.room.drawing import (
    BLACK,
    WHITE,
    Anchor,
    Box,
    Disc,
    Drawing,
    Paper,
    Place,
    Shape,
    Stroke,
    draw_modules,
    set_text,
)
from protocol.room.facts import RoomFacts
from protocol.room.helvetica import Weight
from protocol.room.lamp import (
    DISCARD_ON_RELEASE,
    LET_GO,
    LET_GO_OR_HOLD_ON,
    PATTERNS,
    Audience,
    LampPattern,
    gettext_noop,
    without_blue,
)
from protocol.room.looks import Say, describe_look, draw_bar, name_lights, split_words

_ = gettext_noop
WIDTH, HEIGHT = 190.0, 263.0
BAR_SECONDS = 6.0
HAND_SECONDS = 2.5
_BOLD = Weight.BOLD


def draw_card(facts: RoomFacts, say: Say, *, language: str, paper: Paper = Paper.A4) -> Drawing:
    """Draw the card of a room, in the middle of the sheet."""
    wide, high = paper.value
    pen = _Pen(facts, say, left=(wide - WIDTH) / 2, top=(high - HEIGHT) / 2)
    title = say(_("Room card: %(room)s")) % {"room": facts.label}
    return Drawing(paper=paper, title=title, language=language, shapes=tuple(pen.everything()))


def tell_card(facts: RoomFacts, say: Say) -> list[str]:
    """Say in sentences what the card shows, for whoever cannot see it."""
    patterns = [p for p in PATTERNS.values() if p.audience is not Audience.IT]
    lamp = []
    for pattern in patterns:
        shown = pattern if facts.has_blue else without_blue(pattern)
        look = describe_look(shown, say, has_blue=facts.has_blue)
        lamp.append(say(pattern.words) if facts.has_blue else f"{look}. {' '.join(split_words(say(pattern.words)))}")
    zones = [f"{time}: {what}" for time, what, _pattern in _zones(facts, say)]
    sound = [say(SOUND)] if facts.has_buzzer else []
    presses = [f"{say(press)}: {say(means)}" for press, means in PRESSES]
    return [*presses, *zones, *lamp, *sound, f"{say(RECORDED)} {say(WHAT)}", f"{say(NEVER)} {say(NOTHING)}"]


SUBTITLE = _("This camera belongs to the teacher. It records only after a press of the button.")
PAGE = _("Your page: %(address)s")
SCAN = _("Scan: may it record now?")
LAMP, HAND, ANSWERS = _("What the lamp says"), _("What your hand does"), _("What the unit answers")
HOLD = _("Hold to stop")
LET_GO_THEN = _("Hold %(stop)s s, then let go: stop, and keep the recording.")
PRESSES = (
    (_("Press"), _("start recording")),
    (_("Tap"), _("bookmark this moment")),
    (_("Two taps"), _("pause; a press goes on")),
)
SOUND = _("Two short chirps: recording begins. A long one: it has ended. A tick now and then: still paused.")
RECORDED, NEVER = _("Recorded:"), _("Never:")
WHAT = _(
    "picture and sound of this room, or the picture alone where your school leaves the sound out, from the press to "
    "the stop. Only you may watch, until you share it."
)
"""True whatever the school's rules say: a card on the wall outlives them."""
NOTHING = _(
    "anything before the press, in a pause, or while the lamp is dark. Nobody can start it from afar or look in."
)
TAP, KEEP, NO_CHANGE = _("a tap"), _("let go: stop and keep"), _("nothing happens")
DISCARD = _("let go: stop and discard. Undo on your page until %(time)s.")
DECIMAL = _("0.5")
"""A translator writes the number with the decimal sign of the language."""


def _zones(facts: RoomFacts, say: Say) -> list[tuple[str, str, LampPattern | None]]:
    """What letting go means by how long the button was held, with the pattern that says so."""
    times = facts.times
    stop, until, discard, stuck = (
        _number(seconds, say) for seconds in (times.stop_s, times.stop_until_s, times.discard_s, times.stuck_s)
    )
    return [
        (f"0–{stop} s", say(TAP), None),
        (f"{stop}–{until} s", say(KEEP), LET_GO),
        (f"{until}–{discard} s", say(NO_CHANGE), LET_GO_OR_HOLD_ON),
        (f"{discard}–{stuck} s", say(DISCARD) % {"time": facts.undo_until}, DISCARD_ON_RELEASE),
    ]


def _number(seconds: float, say: Say) -> str:
    return f"{seconds:g}".replace(".", "," if "," in say(DECIMAL) else ".")


class _Pen:
    """Draws the parts of one card from top to bottom; places are in millimetres from the card's own corner."""

    def __init__(self, facts: RoomFacts, say: Say, *, left: float, top: float) -> None:
        self._facts = facts
        self._say = say
        self._left = left
        self._top = top

    def everything(self) -> Iterator[Shape]:
        """Give all shapes, from back to front."""
        yield from self._header()
        yield from self._heading(LAMP, 40)
        teachers = [pattern for pattern in PATTERNS.values() if pattern.audience is Audience.TEACHER]
        for number, pattern in enumerate(teachers):
            yield from self._teacher_row(pattern, 49.5 + 13.2 * number)
        yield from self._heading(HAND, 117.5)
        yield from self._button(127)
        yield from self._timeline(161)
        yield from self._heading(ANSWERS, 194)
        yield from self._answers(203)
        yield from self._promises(240)

    def _header(self) -> Iterator[Shape]:
        wide = WIDTH - 42 if self._facts.modules else WIDTH
        yield from self._text(self._facts.label, Place(0, 1, wide, 12.5, weight=_BOLD, least=6))
        yield from self._text(self._say(SUBTITLE), Place(0, 15, wide, 5.2, lines=2))
        if self._facts.page:
            yield from self._text(self._say(PAGE) % {"address": self._facts.page}, Place(0, 30, wide, 4.2))
        if self._facts.modules:
            yield from draw_modules(self._facts.modules, x=self._left + WIDTH - 36, y=self._top, size=36)
            yield from self._text(self._say(SCAN), Place(WIDTH - 36, 35.2, 36, 3.2, least=2.2, anchor=Anchor.MIDDLE))

    def _heading(self, words: str, y: float) -> Iterator[Shape]:
        yield from self._text(self._say(words), Place(0, y, WIDTH, 5.4, weight=_BOLD))
        yield self._rule(y + 6.8)

    def _rule(self, y: float) -> Shape:
        return Stroke(self._left, self._top + y, self._left + WIDTH, self._top + y, BLACK, 0.6)

    def _teacher_row(self, pattern: LampPattern, y: float) -> Iterator[Shape]:
        shown = self._shown(pattern)
        yield from draw_bar(
            shown, Box(self._left, self._top + y + 1, 58, 8.5), seconds=BAR_SECONDS, has_blue=self._facts.has_blue
        )
        meaning, more = split_words(self._say(pattern.words))
        look = describe_look(shown, self._say, has_blue=self._facts.has_blue)
        yield from self._text(meaning, Place(63, y, WIDTH - 63, 5.6, weight=_BOLD, least=3.6))
        below = f"{look[:1].upper()}{look[1:]}. {more}"
        yield from self._text(below, Place(63, y + 6.6, WIDTH - 63, 4.1, least=3.1))

    def _button(self, y: float) -> Iterator[Shape]:
        x, middle = self._left + 15, self._top + y + 14.5
        yield Disc(x, middle, 14, "#e6e6e6", BLACK, 0.7)
        yield Disc(x, middle, 9.5, "#c8171e", BLACK, 0.7)
        yield from self._text(self._say(HOLD), Place(40, y - 0.5, 150, 11, weight=_BOLD, least=6))
        stop = _number(self._facts.times.stop_s, self._say)
        yield from self._text(self._say(LET_GO_THEN) % {"stop": stop}, Place(40, y + 10.8, 150, 5, least=3.6))
        for number, (press, means) in enumerate(PRESSES):
            at = 40 + 50 * number
            yield from self._text(self._say(press), Place(at, y + 19, 48, 5, weight=_BOLD, least=3.6))
            yield from self._text(self._say(means), Place(at, y + 25, 48, 4.2, least=3.1))

    def _timeline(self, y: float) -> Iterator[Shape]:
        """A schematic scale: zones are as wide as their words need."""
        x = 0.0
        for (time, what, pattern), width in zip(_zones(self._facts, self._say), (30, 56, 34, 70), strict=True):
            yield Box(self._left + x, self._top + y, width, 17, WHITE if pattern is None else "#f1f1f1", BLACK, 0.4)
            yield from self._text(time, Place(x + 2, y + 1.8, width - 4, 4.6, weight=_BOLD))
            yield from self._text(what, Place(x + 2, y + 7.4, width - 4, 3.9, lines=2, least=2.9))
            if pattern is not None:
                frame = Box(self._left + x + 2, self._top + y + 19, width - 4, 4.6)
                yield from self._named_bar(pattern, frame, seconds=width / 18)
            x += width

    def _answers(self, y: float) -> Iterator[Shape]:
        """Two columns of what else the lamp says to the hand; the buzzer, where there is one, has the last field."""
        held = {LET_GO.name, LET_GO_OR_HOLD_ON.name, DISCARD_ON_RELEASE.name}
        rest = [p for p in PATTERNS.values() if p.audience is Audience.HAND and p.name not in held]
        for number, pattern in enumerate(rest):
            x, at = 97 * (number % 2), y + 9.2 * (number // 2)
            yield from self._named_bar(pattern, Box(self._left + x, self._top + at, 26, 4.2), seconds=HAND_SECONDS)
            meaning, _more = split_words(self._say(pattern.words))
            yield from self._text(meaning, Place(x + 29, at - 0.2, 64, 3.7, lines=2, least=2.9))
        if self._facts.has_buzzer:
            x, at = 97 * (len(rest) % 2), y + 9.2 * (len(rest) // 2)
            yield from self._text(self._say(SOUND), Place(x, at - 0.2, 93, 3.7, lines=2, least=2.9))

    def _named_bar(self, pattern: LampPattern, frame: Box, *, seconds: float) -> Iterator[Shape]:
        shown = self._shown(pattern)
        yield from draw_bar(shown, frame, seconds=seconds, has_blue=self._facts.has_blue)
        names = name_lights(shown, self._say, has_blue=self._facts.has_blue)
        x, y = frame.x - self._left, frame.y - self._top + frame.height + 0.9
        yield from self._text(names, Place(x, y, frame.width + 2, 3, least=2.2))

    def _promises(self, y: float) -> Iterator[Shape]:
        yield self._rule(y)
        for x, title, words in ((0, RECORDED, WHAT), (97, NEVER, NOTHING)):
            yield from self._text(self._say(title), Place(x, y + 2.4, 93, 5, weight=_BOLD))
            yield from self._text(self._say(words), Place(x, y + 8.6, 93, 4.1, lines=3, least=3.1))

    def _shown(self, pattern: LampPattern) -> LampPattern:
        return pattern if self._facts.has_blue else without_blue(pattern)

    def _text(self, words: str, place: Place) -> Iterator[Shape]:
        """Set a text whose place is counted from the card's corner."""
        yield from set_text(words, replace(place, x=self._left + place.x, y=self._top + place.y))
