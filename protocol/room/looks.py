"""How a lamp pattern looks: as a bar in which time goes from left to right, and in a few words made from its beats.

Words are English gettext message ids; `say` translates. A black-and-white print shows the rhythm and names the colour.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from protocol.room.drawing import BLACK, Box, Shape, Stroke
from protocol.room.lamp import Beat, LampPattern, Light, gettext_noop

Say = Callable[[str], str]

_ = gettext_noop
FILLS = {
    Light.RED: "#c8171e",
    Light.GREEN: "#2fa84f",
    Light.AMBER: "#f5a81c",
    Light.BLUE: "#1f5fbf",
    Light.WHITE: "#ffffff",
}
NAMES = {
    Light.RED: _("red"),
    Light.GREEN: _("green"),
    Light.AMBER: _("amber"),
    Light.BLUE: _("blue"),
    Light.WHITE: _("white"),
}
BOTH = _("red + green")
"""The amber of two LEDs that stand side by side."""
_LOOKS = {
    "off": _("no light"),
    "steady": _("steady %(light)s"),
    "one": _("%(light)s: one short blink, a long pause"),
    "two": _("%(light)s: two short blinks, a long pause"),
    "two_long": _("%(light)s: two short blinks, one long"),
    "slow": _("%(light)s: slowly on and off"),
    "even": _("%(light)s: on and off"),
    "turns": _("%(light)s and %(other)s in turn"),
    "quick": _("%(light)s and %(other)s in quick turn"),
    "blink": _("%(other)s, with blinks of %(light)s"),
}
SHORT_S, SLOW_S = 0.4, 0.9


def draw_bar(pattern: LampPattern, frame: Box, *, seconds: float, has_blue: bool) -> list[Shape]:
    """Draw the first seconds of a pattern into a frame: a box for each beat of light, a thin line through the dark."""
    middle = frame.y + frame.height / 2
    shapes: list[Shape] = [Stroke(frame.x, middle, frame.x + frame.width, middle, "#8a8a8a", 0.3)]
    for at_s, beat in _beats(pattern, seconds):
        if beat.light is not Light.DARK:
            left, wide = frame.x + at_s / seconds * frame.width, beat.duration_s / seconds * frame.width
            shapes += _fill(beat.light, Box(left, frame.y, wide, frame.height, edge=BLACK), has_blue=has_blue)
    return shapes


def _fill(light: Light, box: Box, *, has_blue: bool) -> list[Shape]:
    """Fill a beat's box; the amber of a red and a green LED is drawn as the two that shine."""
    if light is not Light.AMBER or has_blue:
        return [replace(box, fill=FILLS[light])]
    half = replace(box, height=box.height / 2, edge="")
    lower = replace(half, y=box.y + box.height / 2, fill=FILLS[Light.GREEN])
    return [replace(half, fill=FILLS[Light.RED]), lower, box]


def _beats(pattern: LampPattern, seconds: float) -> list[tuple[float, Beat]]:
    """The beats that begin within the time, cut at its end; beats of one light in a row are one."""
    shown: list[tuple[float, Beat]] = []
    at_s, played = 0.0, 0
    while at_s < seconds - 1e-6 and (pattern.plays is None or played < pattern.plays):
        for beat in pattern.beats:
            lasting = Beat(beat.light, min(beat.duration_s, seconds - at_s))
            if lasting.duration_s <= 1e-6:
                break
            if shown and shown[-1][1].light is beat.light:
                start_s, before = shown.pop()
                shown.append((start_s, Beat(beat.light, before.duration_s + lasting.duration_s)))
            else:
                shown.append((at_s, lasting))
            at_s += beat.duration_s
        played += 1
    return shown


def describe_look(pattern: LampPattern, say: Say, *, has_blue: bool) -> str:
    """Say which light and which rhythm, as this room's lamp shows them."""
    lit = [beat for beat in pattern.beats if beat.light is not Light.DARK]
    names = [_name(beat.light, say, has_blue=has_blue) for beat in lit]
    kind = _kind(pattern, lit)
    if not lit:
        return say(_LOOKS[kind])
    return say(_LOOKS[kind]) % {"light": names[0], "other": next((n for n in names if n != names[0]), names[0])}


def name_lights(pattern: LampPattern, say: Say, *, has_blue: bool) -> str:
    """Name the lights of a pattern in their order."""
    lights = dict.fromkeys(beat.light for beat in pattern.beats if beat.light is not Light.DARK)
    return ", ".join(_name(light, say, has_blue=has_blue) for light in lights)


def _kind(pattern: LampPattern, lit: list[Beat]) -> str:
    if not lit:
        return "off"
    if len({beat.light for beat in lit}) > 1:
        return _kind_of_turns(lit)
    if len(lit) == len(pattern.beats):
        return "steady"
    return _kind_of_blinks(lit, sum(beat.duration_s for beat in pattern.beats))


def _kind_of_turns(lit: list[Beat]) -> str:
    longest, shortest = max(beat.duration_s for beat in lit), min(beat.duration_s for beat in lit)
    if longest > 2 * shortest or len(lit) > 3:
        return "blink"
    return "quick" if longest < SHORT_S else "turns"


def _kind_of_blinks(lit: list[Beat], period_s: float) -> str:
    if len(lit) > 1:
        return "two" if lit[-1].duration_s < SHORT_S else "two_long"
    if period_s > 3 * lit[0].duration_s:
        return "one"
    return "slow" if lit[0].duration_s >= SLOW_S else "even"


def _name(light: Light, say: Say, *, has_blue: bool) -> str:
    return say(BOTH if light is Light.AMBER and not has_blue else NAMES[light])


def split_words(words: str) -> tuple[str, str]:
    """Split a pattern's words ("look: meaning. More.") into the meaning's first sentence and what follows it."""
    meaning = words.partition(": ")[2]
    first, dot, more = meaning.partition(". ")
    return first[:1].upper() + first[1:] + (dot.strip() if more else ""), more
