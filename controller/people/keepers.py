"""Who may read names and change rosters: the one list, for every page of people and rosters."""

from __future__ import annotations

from controller.accounts.models import Role

KEEPERS = (Role.KEEPER, Role.ADMIN)
