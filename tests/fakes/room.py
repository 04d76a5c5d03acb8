"""An object store on a disk whose free room a test sets; everything else is the real store's."""

from __future__ import annotations

from dataclasses import replace

from controller.recordings.store import FolderStore
from tests.house import House


class RoomyStore(FolderStore):
    """The real store, but for the room that it tells."""

    free = 10**12

    def free_bytes(self) -> int:
        """Give the room that the test set."""
        return self.free


def with_room(house: House, free_bytes: int) -> tuple[House, RoomyStore]:
    """Give the same controller on a disk with so much room, and the store whose room can be set."""
    store = RoomyStore(house.services.config.controller.data)
    store.free = free_bytes
    return replace(house, services=replace(house.services, objects=store)), store
