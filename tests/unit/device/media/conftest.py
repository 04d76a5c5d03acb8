"""Films for these tests, made once per run."""

import pytest

from tests.footage import FootageCache


@pytest.fixture(scope="session")
def footage(tmp_path_factory: pytest.TempPathFactory) -> FootageCache:
    """Footage by name; see `tests/footage.py`."""
    folder = tmp_path_factory.getbasetemp() / "footage"
    folder.mkdir(exist_ok=True)
    return FootageCache(folder)
