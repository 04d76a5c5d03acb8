"""What controller/recordings/titles.py says of every state, sound and length."""

from __future__ import annotations

import pytest

from controller.recordings.models import RecordingState
from controller.recordings.titles import clock_text, describe_sound, describe_state, round_length
from protocol.manifest import SoundVerdict


def test_every_state_and_sound_has_words_of_its_own() -> None:
    """No two are said in the same words, and none is left out."""
    sounds = {describe_sound(verdict).words for verdict in [*SoundVerdict, None]}
    assert len(sounds) == len(SoundVerdict) + 1
    assert len({describe_state(state).words for state in RecordingState}) == len(RecordingState)


@pytest.mark.parametrize(
    ("duration_ms", "length"),
    [(0, (0, "second")), (119_000, (119, "second")), (120_000, (2, "minute")), (2_700_000, (45, "minute"))],
)
def test_length_is_rounded_as_people_say_it(duration_ms: int, length: tuple[int, str]) -> None:
    """Two minutes and more are whole minutes."""
    assert round_length(duration_ms) == length


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (5.9, "0:05"), (754, "12:34"), (3723, "1:02:03"), (90_000, "25:00:00")]
)
def test_place_is_written_like_a_players(seconds: float, text: str) -> None:
    """Minutes and seconds, hours only when there are some."""
    assert clock_text(seconds) == text
