"""The privacy page says what the code does: its numbers are the code's."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from controller.accounts import policy
from controller.audit.repo import SAME_VIEW
from controller.config import Nights, Retention
from controller.consent.answering import UNDO_WITHIN
from controller.consent.rules import MOST_SNAPSHOT_DAYS, Rules
from controller.forms.drafts import DRAFT_LASTS as ANSWERS_WAIT
from controller.forms.policy import HOLDS_DAYS
from controller.nights.policy import FEWEST_ROOMS
from controller.roster.drafts import DRAFT_LASTS
from controller.roster.plan import MOST_VANISHING

PAGE = " ".join((Path(__file__).parents[3] / "docs" / "PRIVACY.md").read_text("utf-8").split())


def hours(span: timedelta) -> int:
    """Give a span in whole hours."""
    return round(span / timedelta(hours=1))


@pytest.mark.parametrize(
    "claim",
    [
        f"one sitting ({round(SAME_VIEW / timedelta(minutes=1))} minutes) make one row",
        f"ends after {hours(policy.LINK_LASTS)} hours or when it has been used",
        f"at least {policy.SHORTEST_PASSWORD} characters",
        f"A login ends after {policy.LOGIN_LASTS.days} days, or after {hours(policy.LOGIN_IDLE)} hours",
        f"counted for {round(policy.ATTEMPTS_WITHIN / timedelta(minutes=1))} minutes",
        f"taken back for {Retention().delete_undo_days} days (a setting)",
        f"the next rotation, every {Retention().storage_rotation_days} days (a setting)",
        f"sums over {FEWEST_ROOMS} rooms or more",
        f"ends by itself after {DRAFT_LASTS.days} days",
        f"that would vanish ({MOST_VANISHING} %)",
        f"sums of nights by site, for {Nights().kept_days} days (a setting)",
        f"{Retention().epoch_end_days} days (a setting) after its last day",
        f"can be taken back for {hours(UNDO_WITHIN)} hours, by a line that stays",
        f"A table of answers that is read waits at most {ANSWERS_WAIT.days} days",
        f"A yes on a form holds for {HOLDS_DAYS} days",
        f"ends by itself after {Rules().snapshot_days} days (a setting, {MOST_SNAPSHOT_DAYS} at the most)",
        f"At most {Rules().most_seats} seats (a setting)",
        f"within {Rules().claim_days} school days (a setting)",
    ],
)
def test_privacy_page_gives_the_codes_numbers(claim: str) -> None:
    """Each number of the page is the one that the code goes by."""
    assert claim in PAGE
