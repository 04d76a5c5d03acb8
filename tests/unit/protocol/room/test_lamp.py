"""The table of lamp patterns: safe to look at, told apart by rhythm, and never dark while the camera may run."""

from itertools import combinations

import pytest

from protocol.room.lamp import (
    DARK,
    PATTERNS,
    RECORDING,
    Audience,
    Beat,
    LampPattern,
    Light,
    most_flashes_per_s,
    without_blue,
)

ALL = pytest.mark.parametrize("pattern", PATTERNS.values(), ids=PATTERNS)


@ALL
def test_pattern_flashes_at_most_three_times_a_second(pattern: LampPattern) -> None:
    """WCAG 2.2, 2.3.1: three flashes or below in any one second, counted for every light."""
    assert most_flashes_per_s(pattern) <= 3


def test_flash_count_sees_a_fast_pattern() -> None:
    """The count can fail: five changes a second are five, across the end of the rhythm too."""
    fast = LampPattern("fast", (Beat(Light.RED, 0.1), Beat(Light.DARK, 0.1)), Audience.IT, "")
    burst = LampPattern("burst", (Beat(Light.RED, 0.2), Beat(Light.DARK, 0.2)) * 4, Audience.IT, "")
    assert (most_flashes_per_s(fast), most_flashes_per_s(burst), most_flashes_per_s(RECORDING)) == (5, 3, 0)


@ALL
def test_pattern_of_a_running_camera_is_never_dark(pattern: LampPattern) -> None:
    """Promise P1: a dark lamp always means that nothing is recorded."""
    if pattern.may_record:
        assert all(beat.light is not Light.DARK for beat in pattern.beats)


def test_only_recording_is_steady_red() -> None:
    """Nothing else can be mistaken for the recording lamp by looking for a second."""
    steady = [pattern for pattern in PATTERNS.values() if {beat.light for beat in pattern.beats} == {Light.RED}]
    assert steady == [RECORDING]


def test_teachers_learn_five_patterns() -> None:
    """Dark, ready, recording, paused, look at the page."""
    teachers = {name for name, pattern in PATTERNS.items() if pattern.audience is Audience.TEACHER}
    assert teachers == {"dark", "ready", "recording", "paused", "look_at_page"}


def test_teachers_patterns_differ_in_rhythm_alone() -> None:
    """Who cannot tell red from green tells them apart by lit and unlit; dark and recording by being dark or lit."""
    rhythms = [
        tuple((beat.light is Light.DARK, beat.duration_s) for beat in pattern.beats)
        for pattern in PATTERNS.values()
        if pattern.audience is Audience.TEACHER
    ]
    assert len(set(rhythms)) == len(rhythms)


def test_no_two_patterns_look_the_same() -> None:
    """Each name in the table is a different sight."""
    sights = [pattern.beats for pattern in PATTERNS.values()]
    assert len(set(sights)) == len(sights)


@pytest.mark.parametrize("bare", [False, True], ids=["with blue", "without blue"])
def test_patterns_of_the_same_lights_differ_clearly_in_speed(bare: bool) -> None:  # noqa: FBT001
    """Nobody has to tell 0.5 s from 0.6 s: where lights come in the same order, one rhythm is half again as long."""
    by_lights: dict[tuple[Light, ...], list[LampPattern]] = {}
    for pattern in PATTERNS.values():
        shown = without_blue(pattern) if bare else pattern
        by_lights.setdefault(_turning_point(shown), []).append(shown)
    alike = [(a.name, b.name) for same in by_lights.values() for a, b in combinations(same, 2) if _ratio(a, b) < 1.5]
    assert alike == []


def _turning_point(pattern: LampPattern) -> tuple[Light, ...]:
    """The lights in turn, wherever the table begins with them; what is not played for ever has a beginning."""
    lights = [beat.light for beat in pattern.beats]
    turns = [tuple(lights[at:] + lights[:at]) for at in range(len(lights))]
    return min(turns, key=lambda turn: [light.name for light in turn]) if pattern.plays is None else tuple(lights)


def _ratio(one: LampPattern, other: LampPattern) -> float:
    """How much longer the slower rhythm is; of two that differ in their beats' lengths, by the most different beat."""
    first, second = (sorted(beat.duration_s for beat in pattern.beats) for pattern in (one, other))
    return max(max(a, b) / min(a, b) for a, b in zip(first, second, strict=True))


@ALL
def test_lamp_without_blue_shows_every_pattern_in_its_rhythm(pattern: LampPattern) -> None:
    """A red and a green LED: the same beats, dark where it was dark and nowhere else, and nothing blue."""
    bare = without_blue(pattern)
    assert [(beat.light is Light.DARK, beat.duration_s) for beat in bare.beats] == [
        (beat.light is Light.DARK, beat.duration_s) for beat in pattern.beats
    ]
    assert {beat.light for beat in bare.beats} <= {Light.DARK, Light.RED, Light.GREEN, Light.AMBER}
    assert most_flashes_per_s(bare) <= 3


def test_no_two_patterns_look_the_same_without_blue() -> None:
    """Keep and discard, paused and refused: what two LEDs show is still a sight for each name."""
    sights = [without_blue(pattern).beats for pattern in PATTERNS.values()]
    assert len(set(sights)) == len(sights)


def test_only_recording_is_steady_without_blue() -> None:
    """A light that stays means recording, on every lamp."""
    steady = [
        name for name, pattern in PATTERNS.items() if len({beat.light for beat in without_blue(pattern).beats}) == 1
    ]
    assert steady == ["dark", "recording"]


@ALL
def test_pattern_has_words(pattern: LampPattern) -> None:
    """The room card can explain every pattern."""
    assert pattern.words.endswith(".")
    assert PATTERNS[pattern.name] is pattern


@pytest.mark.parametrize(("beats", "plays"), [((), None), ((Beat(Light.RED, 0.0),), None), (DARK.beats, 0)])
def test_impossible_pattern_is_refused(beats: tuple[Beat, ...], plays: int | None) -> None:
    """No beats, a beat of no length, or playing it no times make no pattern."""
    with pytest.raises(ValueError, match="lamp pattern 'odd'"):
        LampPattern("odd", beats, Audience.IT, "", plays=plays)
