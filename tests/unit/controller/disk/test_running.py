"""A bit that the disk turned over under a running controller: found by the real jobs, sent again, and whole."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import requests

from controller.recordings import repo
from tests.controller_process import TIMEOUT_S, ControllerProcess, make_controller
from tests.lesson import Lesson
from tests.unit.controller.uploads.unit_client import TUS, encode_metadata, made_up_segment

LONGEST_S = 60.0


@pytest.fixture
def controller(tmp_path: Path) -> Iterator[ControllerProcess]:
    """Start a controller."""
    made = make_controller(tmp_path)
    made.start()
    yield made
    made.close()


def deliver(controller: ControllerProcess, session: requests.Session, lesson: Lesson) -> set[int]:
    """Send what is wanted and give what the receipt names."""
    for index in controller.put_manifest(session, lesson):
        data = lesson.objects[index]
        headers = {**TUS, "Upload-Length": str(len(data)), "Upload-Metadata": encode_metadata(lesson.id, index)}
        headers["Content-Type"] = "application/offset+octet-stream"
        answer = session.post(f"{controller.url}/uploads", headers=headers, data=data, timeout=TIMEOUT_S)
        assert answer.status_code == 201, answer.text
    return {item.index for item in controller.receipt(session, lesson).items}


def read_back(controller: ControllerProcess, lesson: Lesson) -> str:
    """Let everything be due, run the jobs until damage is found, and give their log."""
    with controller.services.database.writing() as session:
        for held in repo.held_objects(session, lesson.id):
            held.held_at -= timedelta(days=40)
    command = [sys.executable, "-m", "controller.cli", "jobs", "--config", str(controller.folder / "controller.toml")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as jobs:
        until = time.monotonic() + LONGEST_S
        while time.monotonic() < until:
            with controller.services.database.reading() as session:
                if repo.damaged_since(session):
                    break
            time.sleep(0.1)
        jobs.terminate()
        _, said = jobs.communicate(timeout=LONGEST_S)
    assert jobs.returncode == 0, said
    return said


def test_bit_that_turned_over_is_found_and_repaired_while_the_controller_runs(controller: ControllerProcess) -> None:
    """One of three million bytes: out of the receipt, wanted, sent again, equal; and the log names no recording."""
    session, lesson = controller.session(), controller.make_lesson(made_up_segment(3_000_000), made_up_segment())
    assert deliver(controller, session, lesson) == {0, 1, 2}
    place = controller.services.config.controller.data / "objects" / lesson.id / "000001.age"
    data = bytearray(place.read_bytes())
    data[1_500_000] ^= 4
    place.write_bytes(data)
    said = read_back(controller, lesson)
    assert "damaged or gone" in said
    assert lesson.id not in said
    session.headers.update(controller.grant_lease())
    assert {item.index for item in controller.receipt(session, lesson).items} == {0, 2}
    assert deliver(controller, session, lesson) == {0, 1, 2}
    assert place.read_bytes() == lesson.objects[1]
