"""The one table of lamp patterns: which light, in which rhythm, for whom, and the words that explain it.

Pure: no pin, no time. Patterns for teachers differ in rhythm as well as in colour, none flashes above 3 Hz, and none
that may be shown while the camera runs is ever dark (promise P1: a dark lamp always means that nothing is recorded).
The room card is generated from this table; `words` are English gettext message ids.
"""

from dataclasses import dataclass, replace
from enum import Enum


class Light(Enum):
    """What the lamp can show; the value says which of the red, green and blue elements are lit."""

    DARK = (0, 0, 0)
    RED = (1, 0, 0)
    GREEN = (0, 1, 0)
    AMBER = (1, 1, 0)
    BLUE = (0, 0, 1)
    WHITE = (1, 1, 1)


class Audience(Enum):
    """Who must know a pattern: every teacher, the hand that is on the button now, or IT staff."""

    TEACHER = "teacher"
    HAND = "hand"
    IT = "it"


@dataclass(frozen=True, slots=True)
class Beat:
    """One light for `duration_s` seconds."""

    light: Light
    duration_s: float


@dataclass(frozen=True, slots=True)
class LampPattern:
    """A rhythm: `beats` in turn, `plays` times, or for ever when that is None.

    `may_record`: the pattern can be shown while the camera runs, and so has no dark beat.
    """

    name: str
    beats: tuple[Beat, ...]
    audience: Audience
    words: str
    plays: int | None = None
    may_record: bool = False

    def __post_init__(self) -> None:
        if not self.beats or any(beat.duration_s <= 0 for beat in self.beats):
            raise ValueError(f"lamp pattern {self.name!r}: needs beats, each longer than 0 s; got {self.beats}")
        if self.plays is not None and self.plays < 1:
            raise ValueError(f"lamp pattern {self.name!r}: plays must be 1 or more, or None; got {self.plays}")


WITHOUT_BLUE = {Light.BLUE: Light.AMBER, Light.WHITE: Light.GREEN}
"""What a lamp of a red and a green LED shows instead; its amber is both of them lit."""


def without_blue(pattern: LampPattern) -> LampPattern:
    """Give the pattern as a lamp of a red and a green LED shows it: the same rhythm, and no light becomes dark.

    Any two patterns stay apart by their lights or clearly by their rhythm; a test holds the whole table to that.
    """
    beats = tuple(Beat(WITHOUT_BLUE.get(beat.light, beat.light), beat.duration_s) for beat in pattern.beats)
    return replace(pattern, beats=beats)


def gettext_noop(words: str) -> str:
    """Mark `words` for the catalogue; whoever shows them translates."""
    return words


def _rhythm(*beats: tuple[Light, float]) -> tuple[Beat, ...]:
    return tuple(Beat(light, duration_s) for light, duration_s in beats)


_ = gettext_noop

DARK = LampPattern(
    "dark",
    _rhythm((Light.DARK, 1.0)),
    Audience.TEACHER,
    _("Dark: nothing is recorded."),
)
READY = LampPattern(
    "ready",
    _rhythm((Light.GREEN, 0.3), (Light.DARK, 2.7)),
    Audience.TEACHER,
    _("A short green blink every three seconds: ready. Nothing is recorded until you press."),
)
RECORDING = LampPattern(
    "recording",
    _rhythm((Light.RED, 1.0)),
    Audience.TEACHER,
    _("Steady red: this room is being recorded."),
    may_record=True,
)
PAUSED = LampPattern(
    "paused",
    _rhythm((Light.AMBER, 1.0), (Light.DARK, 1.0)),
    Audience.TEACHER,
    _("Slow amber, on and off: paused. Nothing is recorded. Press to go on."),
)
LOOK_AT_PAGE = LampPattern(
    "look_at_page",
    _rhythm((Light.BLUE, 0.25), (Light.DARK, 0.25), (Light.BLUE, 0.25), (Light.DARK, 1.75)),
    Audience.TEACHER,
    _("Two quick blue blinks, again and again: look at your page, something waits for you there."),
)
CHECK_SEATS = LampPattern(
    "check_seats",
    _rhythm((Light.GREEN, 0.25), (Light.DARK, 0.25), (Light.GREEN, 0.25), (Light.DARK, 2.0)),
    Audience.HAND,
    _("Two quick green blinks: check the seats, then hold the button until the lamp changes."),
)
SEATS_CHECKED = LampPattern(
    "seats_checked",
    _rhythm((Light.GREEN, 0.6), (Light.AMBER, 0.6)),
    Audience.HAND,
    _("Green and amber in turn while you hold: let go now to say that the seats are checked, and recording starts."),
)
STARTING = LampPattern(
    "starting",
    _rhythm((Light.RED, 0.35), (Light.WHITE, 0.35)),
    Audience.HAND,
    _("Red and white in turn: the camera starts. Count yourself as recorded."),
    may_record=True,
)
BOOKMARK = LampPattern(
    "bookmark",
    _rhythm((Light.WHITE, 0.25), (Light.RED, 0.25), (Light.WHITE, 0.25), (Light.RED, 0.25)),
    Audience.HAND,
    _("Two white blinks over the red: this moment is bookmarked."),
    plays=1,
    may_record=True,
)
LET_GO = LampPattern(
    "let_go",
    _rhythm((Light.WHITE, 0.6), (Light.RED, 0.6)),
    Audience.HAND,
    _("White and red in turn while you hold: let go now to stop and keep the recording."),
    may_record=True,
)
LET_GO_OR_HOLD_ON = LampPattern(
    "let_go_or_hold_on",
    _rhythm((Light.WHITE, 0.25), (Light.AMBER, 0.25)),
    Audience.HAND,
    _("Quick white and amber while you hold: let go and nothing happens, hold on to discard."),
    may_record=True,
)
DISCARD_ON_RELEASE = LampPattern(
    "discard_on_release",
    _rhythm((Light.BLUE, 0.6), (Light.RED, 0.6)),
    Audience.HAND,
    _("Blue and red in turn while you hold: let go now to stop and discard the recording."),
    may_record=True,
)
REFUSED = LampPattern(
    "refused",
    _rhythm((Light.AMBER, 0.25), (Light.DARK, 0.25), (Light.AMBER, 0.25), (Light.DARK, 0.25), (Light.AMBER, 1.0)),
    Audience.HAND,
    _("Two short and one long amber blink: not allowed now, nothing is recorded. Your page says why."),
    plays=2,
)
SEALING = LampPattern(
    "sealing",
    _rhythm((Light.BLUE, 0.5), (Light.DARK, 0.5)),
    Audience.HAND,
    _("Blue, on and off: the recording has ended and its last piece is being put away."),
)
SOUND_WARNING = LampPattern(
    "sound_warning",
    _rhythm((Light.AMBER, 0.3), (Light.RED, 2.2)),
    Audience.HAND,
    _("Red with an amber blink: recording, but the sound is silent or too loud."),
    may_record=True,
)
FAULT = LampPattern(
    "fault",
    _rhythm(*[(Light.WHITE, 0.2), (Light.RED, 0.2)] * 3, (Light.RED, 1.4)),
    Audience.IT,
    _("Red with three quick white blinks: a fault. Please tell IT; do not count on this recording."),
    may_record=True,
)
PRIVATE = LampPattern(
    "private",
    _rhythm((Light.BLUE, 0.2), (Light.DARK, 5.8)),
    Audience.IT,
    _("One short blue blink every six seconds: covered or switched off by hand. Nothing is recorded."),
)
IDENTIFY = LampPattern(
    "identify",
    _rhythm((Light.GREEN, 0.5), (Light.BLUE, 0.5), (Light.WHITE, 0.5)),
    Audience.IT,
    _("Green, blue and white in turn: IT is looking for this unit. Nothing is recorded."),
    plays=7,  # ten seconds
)
NOT_SET_UP = LampPattern(
    "not_set_up",
    _rhythm((Light.AMBER, 0.2), (Light.DARK, 3.8)),
    Audience.IT,
    _("One short amber blink every four seconds: this unit is not set up yet."),
)

PATTERNS: dict[str, LampPattern] = {
    pattern.name: pattern
    for pattern in (
        DARK,
        READY,
        RECORDING,
        PAUSED,
        LOOK_AT_PAGE,
        CHECK_SEATS,
        SEATS_CHECKED,
        STARTING,
        BOOKMARK,
        LET_GO,
        LET_GO_OR_HOLD_ON,
        DISCARD_ON_RELEASE,
        REFUSED,
        SEALING,
        SOUND_WARNING,
        FAULT,
        PRIVATE,
        IDENTIFY,
        NOT_SET_UP,
    )
}


def most_flashes_per_s(pattern: LampPattern) -> int:
    """Count the most changes into the same light that any window of one second holds (WCAG 2.2, 2.3.1)."""
    period_s = sum(beat.duration_s for beat in pattern.beats)
    plays = int(3 / period_s) + 2
    onsets: list[tuple[float, Light]] = []
    at_s, before = 0.0, pattern.beats[-1].light
    for beat in pattern.beats * plays:
        if beat.light is not before:
            onsets.append((at_s, beat.light))
        at_s, before = at_s + beat.duration_s, beat.light
    return max((_flashes_from(onsets, start) for start in range(len(onsets))), default=0)


def _flashes_from(onsets: list[tuple[float, Light]], start: int) -> int:
    first_s, light = onsets[start]
    return sum(1 for at_s, other in onsets[start:] if other is light and at_s < first_s + 1.0 - 1e-9)
