"""Puts `backrow device aim` together from the unit's configuration, out of the parts that the recorder would use.

It needs no private key: consent is verified against the pinned root, and nothing is signed or sealed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from device.aim import AimParts
from device.claims import CAMERA, Claim
from device.config import DeviceConfig
from device.hardware.claimed import ClaimedViewfinder, claim_parts
from device.hardware.clock import SystemClock
from device.hardware.ports import Purpose, require_fit
from device.identity import DocumentStore, load_root
from device.recorder.asking import take_up_told
from device.recorder.hands import Hands
from device.recorder.moments import Moments
from device.recorder.permission import Permission
from device.recorder.service import Inbox
from device.wiring.controls import open_controls
from device.wiring.recorder import make_gestures
from device.wiring.sources import make_viewfinder
from protocol.durable import REAL


@contextmanager
def open_aim(config: DeviceConfig) -> Iterator[AimParts]:
    """Make what aiming takes; raises `PartsClaimed` while the recorder runs, `HardwareError`, `OSError`."""
    clock, inbox, folder = SystemClock(), Inbox(), config.data / "recorder"
    root = load_root(config.data / "identity")
    documents = DocumentStore(config.data / "state", device=config.device.id, root=root, files=REAL)
    moments = Moments(clock, documents.newest_instant())
    take_up_told(folder, clock, moments)
    viewfinder = ClaimedViewfinder(make_viewfinder(config, clock), Claim(folder / CAMERA))
    with claim_parts(folder), open_controls(config, clock, inbox) as controls:
        for part in (viewfinder, *controls.parts):
            require_fit(part, Purpose.PRODUCTION if config.device.production else Purpose.DEMO)
        yield AimParts(
            button=controls.button,
            lamp=controls.lamp,
            viewfinder=viewfinder,
            hands=Hands(controls.button, make_gestures(config), clock),
            inbox=inbox,
            clock=clock,
            moments=moments,
            permission=Permission(documents, moments),
        )
