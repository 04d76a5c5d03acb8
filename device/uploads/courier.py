"""Carries the recorder's question for the time to the controller, and the answer back, without believing it.

One question at a time, each carried once; what cannot be delivered is tried again, ever more seldom, as long as it is
the one that is open. The recorder verifies what comes. A controller of the release before knows no such request: then
there is no answer. Defined in docs/protocol/uploads.md.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from device.asked import ANSWER, load_question
from device.uploads.client import LinkError
from device.uploads.endpoints import Endpoints, RefusalError
from device.uploads.pause import Pause
from protocol.durable import SHARED, replace_file

log = logging.getLogger(__name__)


class Courier:
    """Looks into the recorder's `folder`, and lays answers into `state`."""

    def __init__(self, endpoints: Endpoints, *, folder: Path, state: Path, pause: Pause) -> None:
        self._endpoints = endpoints
        self._folder = folder
        self._answer = state / ANSWER
        self._pause = pause
        self._carried = ""

    def carry(self, find_lease: Callable[[], bytes | None]) -> None:
        """Carry the question that is open, unless it was answered already; raise `OSError` when the card refuses.

        `find_lease` gives the line of the lease in force, and is called when there is something to carry alone.
        """
        question = load_question(self._folder)
        if question is None or question.nonce == self._carried or self._pause.left_s > 0:
            return
        try:
            line = self._endpoints.signed_time(question.nonce, find_lease())
        except (LinkError, RefusalError) as error:
            log.debug("no time: %s", error)
            self._pause.lengthen()
            return
        replace_file(self._answer, line, mode=SHARED)
        self._carried = question.nonce
        self._pause.clear()
