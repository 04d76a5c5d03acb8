"""The one place that picks implementations: which store, which clock, which rooms are behind which door.

Opens no socket and starts no thread; the database connects when it is first asked.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime

from flask import Flask

from controller.config import Config
from controller.db import Database
from controller.keys import load_school_keys
from controller.recordings.keystore import KeyStore
from controller.recordings.store import FolderStore
from controller.services import Services

Register = Callable[[Flask, Services], None]


def make_services(config: Config) -> Services:
    """Put the parts of a controller process together; raise `OperatorError` when keys or folders cannot be used."""
    keys = load_school_keys(config.controller.keys)
    return Services(
        config=config,
        database=Database(config.database_url),
        keys=keys,
        objects=FolderStore(config.controller.data),
        key_store=KeyStore(config.controller.key_store, keys),
        clock=lambda: datetime.now(UTC),
        random_bytes=os.urandom,
    )


def people_rooms() -> tuple[Register, ...]:
    """Give the rooms behind the people's door; each adds its blueprint and, first of all, its guards."""
    return ()


def units_rooms() -> tuple[Register, ...]:
    """Give the rooms behind the units' door."""
    return ()
