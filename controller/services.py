"""What every view, job and bridge of the controller is handed: the configuration and the parts that wiring picked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from controller.config import Config
from controller.db import Database
from controller.keys import SchoolKeys
from controller.live_keys import LiveKeys
from controller.recordings.keystore import KeyStore
from controller.recordings.manifests import Manifests
from controller.recordings.store import ObjectStore
from protocol.ids import ID_BYTES, make_id


@dataclass(frozen=True)
class Services:
    """The parts of one controller process. `clock` gives an aware instant; `random_bytes` is the system's."""

    config: Config
    database: Database
    live_keys: LiveKeys = field(repr=False)
    objects: ObjectStore
    key_store: KeyStore
    manifests: Manifests
    clock: Callable[[], datetime]
    random_bytes: Callable[[int], bytes]

    @property
    def keys(self) -> SchoolKeys:
        """Give the school's keys as they are now; whoever needs two of them to fit asks once."""
        return self.live_keys.current()

    def new_id(self) -> str:
        """Make a new opaque identifier."""
        return make_id(self.random_bytes(ID_BYTES))
