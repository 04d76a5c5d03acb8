"""Who may read and enter families' answers: the one list, for every page of forms."""

from __future__ import annotations

from controller.accounts.models import Role

ANSWER_KEEPERS = (Role.KEEPER,)
"""The consent keeper alone: an administrator who keeps answers as well takes that role, and it is written down."""
