"""A camera or viewfinder that says while it runs that it runs: to whoever asks for the claim, and in no file.

The self-test and `backrow device aim` ask; a lesson waits for neither, so that a claim that cannot be had is only told.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from device.claims import PARTS, Claim
from device.hardware.ports import Camera, CameraSink, PartFacts, PartsClaimed, PictureFacts, Viewfinder

log = logging.getLogger(__name__)


class ClaimedCamera:
    """`camera`, with `claim` held from `start` to `stop`."""

    def __init__(self, camera: Camera, claim: Claim) -> None:
        self._camera = camera
        self._claim = claim

    @property
    def facts(self) -> PartFacts:
        """The camera's own."""
        return self._camera.facts

    @property
    def picture(self) -> PictureFacts:
        """The camera's own."""
        return self._camera.picture

    def start(self, sink: CameraSink) -> None:
        """See `Camera.start`."""
        _take(self._claim)
        self._camera.start(sink)

    def stop(self) -> None:
        """See `Camera.stop`."""
        try:
            self._camera.stop()
        finally:
            self._claim.give_back()


class ClaimedViewfinder:
    """`viewfinder`, with `claim` held from `start` to `stop`."""

    def __init__(self, viewfinder: Viewfinder, claim: Claim) -> None:
        self._viewfinder = viewfinder
        self._claim = claim

    @property
    def facts(self) -> PartFacts:
        """The viewfinder's own."""
        return self._viewfinder.facts

    def start(self) -> None:
        """See `Viewfinder.start`."""
        _take(self._claim)
        self._viewfinder.start()

    def check(self) -> None:
        """See `Viewfinder.check`."""
        self._viewfinder.check()

    def stop(self) -> None:
        """See `Viewfinder.stop`."""
        try:
            self._viewfinder.stop()
        finally:
            self._claim.give_back()


def _take(claim: Claim) -> None:
    try:
        if not claim.take():
            log.error("another process holds the camera's claim; going on without it")
    except OSError as error:
        log.error("the camera's claim cannot be taken: %s", error)


@contextmanager
def claim_parts(folder: Path) -> Iterator[None]:
    """Hold button, lamp and camera against a second process; raise `PartsClaimed` when one holds them."""
    claim = Claim(folder / PARTS)
    if not claim.take():
        raise PartsClaimed("another process holds button, lamp and camera: the recorder, or `backrow device aim`")
    try:
        yield
    finally:
        claim.give_back()
