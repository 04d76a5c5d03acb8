"""What holds for all tests: property tests judge what is true, not how long it took; no umask is left behind."""

from __future__ import annotations

import gc
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser

MEMORY = Path("/dev/shm")
gc.disable()  # while tests are looked for: nothing of what is loaded for them is garbage
settings.register_profile("backrow", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("backrow")


def pytest_collection_finish() -> None:
    """Keep Python's collector from walking all modules and tests again and again, which took a quarter of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, 10, 10)
    gc.enable()


def pytest_sessionstart(session: pytest.Session) -> None:
    """Remove what killed processes of faketime left: a new one that gets such a process's number would not start."""
    if hasattr(session.config, "workerinput"):
        return
    for left in MEMORY.glob("*faketime_s*"):
        named = re.fullmatch(r"(?:sem\.)?faketime_(?:sem|shm)_(\d+)", left.name)
        if named and not Path("/proc", named[1]).exists():
            left.unlink(missing_ok=True)


@pytest.fixture(autouse=True)
def _umask_is_given_back() -> Iterator[None]:
    """Give the next test the umask that this one found: commands set their process's own, and here it goes on."""
    before = os.umask(0o022)
    os.umask(before)
    yield
    os.umask(before)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Start Chromium once a process: a second Playwright beside a first one refuses to run."""
    from tests.browser.chromium import open_chromium

    with open_chromium() as browser:
        yield browser
