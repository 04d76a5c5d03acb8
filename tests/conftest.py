"""What holds for all tests: property tests judge what is true, not how long it took; no umask is left behind."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("backrow", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("backrow")


@pytest.fixture(autouse=True)
def _umask_is_given_back() -> Iterator[None]:
    """Give the next test the umask that this one found: commands set their process's own, and here it goes on."""
    before = os.umask(0o022)
    os.umask(before)
    yield
    os.umask(before)
