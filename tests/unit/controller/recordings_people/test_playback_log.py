"""What the log says of a recording that cannot be played: IT reads it, and learns of no recording (promise P7)."""

from __future__ import annotations

import logging

import pytest

from controller.recordings.playback import Source, make_playback
from tests.house import House, house
from tests.unit.controller.uploads.unit_client import made_up_segment

__all__ = ["house"]


def test_segment_that_cannot_be_played_names_no_recording(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """A torn segment that nothing opens is passed over; which one it was is said at DEBUG alone."""
    teacher = house.add_teacher()
    lesson = house.make_lesson(teacher, [made_up_segment(), made_up_segment()], torn=frozenset({2}))
    recording = house.deliver(lesson)
    services = house.services
    services.key_store.destroy(recording)
    playback = make_playback(services)
    with caplog.at_level(logging.DEBUG):
        playback.plan(Source(recording=recording, recorder_key=lesson.recorder.verifying.encode()))
    told = [line for line in caplog.records if line.name == "controller.recordings.playback"]
    assert [line.levelno for line in told] == [logging.WARNING, logging.DEBUG]
    assert recording not in told[0].getMessage()
    assert recording in told[1].getMessage()
