"""The table of lamp patterns: safe to look at, told apart by rhythm, and never dark while the camera may run."""

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
