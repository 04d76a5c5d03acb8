"""Carries the recorder's statement of epochs to the controller, once for each that the recorder writes.

The line is the recorder's own, signed; here it is only sent, beside the documents that are fetched about once an hour:
when it travels tells nothing of when it was written. Defined in docs/protocol/epochs.md.
"""

from __future__ import annotations

import logging
from pathlib import Path

from device.uploads.client import LinkError
from device.uploads.endpoints import Endpoints, RefusalError
from protocol.epochs import LIMIT_BYTES

log = logging.getLogger(__name__)


class Statement:
    """The statement at `path`, and what the controller took of it since this process began."""

    def __init__(self, endpoints: Endpoints, path: Path) -> None:
        self._endpoints = endpoints
        self._path = path
        self._taken = b""

    def send(self, lease: bytes | None) -> None:
        """Send the statement unless it was taken already; one that is refused is offered again with the next."""
        line = self._read()
        if not line or line == self._taken:
            return
        try:
            self._endpoints.put_epochs(line, lease)
        except (LinkError, RefusalError) as error:
            log.info("the statement of epochs was not taken: %s", error)
        else:
            self._taken = line

    def _read(self) -> bytes:
        try:
            with self._path.open("rb") as file:
                return file.read(LIMIT_BYTES)
        except FileNotFoundError:
            return b""
