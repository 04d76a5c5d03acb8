"""Why a unit sends now or waits: every code has words."""

from __future__ import annotations

import pytest

from controller.uploads.explain import WORDS, explain
from controller.uploads.scheduler.reasons import Reason


def test_every_reason_has_words_of_its_own() -> None:
    """No reason is without words, and no two say the same."""
    assert set(WORDS) == set(Reason)
    assert len({explain(reason) for reason in Reason}) == len(Reason)


def test_number_that_is_no_reason_is_refused() -> None:
    """A number that no release ever wrote is not guessed at."""
    with pytest.raises(ValueError, match="99"):
        explain(99)
