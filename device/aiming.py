"""Puts `backrow device aim` and `backrow device mask confirm` together, out of the parts that the recorder would use.

It needs no private key: consent is verified against the pinned root, and nothing is signed or sealed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from device.aim import AimParts
from device.camera_settings import CameraKind
from device.claims import CAMERA, Claim
from device.config import DeviceConfig
from device.confirming import Confirm
from device.hardware.claimed import ClaimedViewfinder, claim_parts
from device.hardware.clock import SystemClock
from device.hardware.ports import Purpose, require_fit
from device.hardware.terminal_screen import SHOWN_FPS
from device.identity import DocumentStore, load_root
from device.masking.confirmed import Confirmations
from device.masking.veil import Cover, Sitting
from device.recorder.asking import take_up_told
from device.recorder.hands import Hands
from device.recorder.moments import Moments
from device.recorder.permission import Permission
from device.recorder.service import Inbox
from device.wiring.controls import open_controls
from device.wiring.recorder import make_gestures
from device.wiring.sources import make_viewfinder
from device.world import Stop
from protocol.durable import REAL
from protocol.masks import Mask


class Looking:
    """Lets the picture be seen that a mask is for, so that somebody can say what it must hide."""

    def refusal(self, _mask: Mask) -> None:
        """Refuse nothing: what is shown on the unit's own screen is neither stored nor sent."""


@contextmanager
def open_aim(config: DeviceConfig, cover: Cover | None = None) -> Iterator[AimParts]:
    """Make what aiming takes; raises `PartsClaimed` while the recorder runs, `HardwareError`, `OSError`.

    `cover` is given every picture before it is shown.
    """
    clock, inbox, folder = SystemClock(), Inbox(), config.data / "recorder"
    root = load_root(config.data / "identity")
    documents = DocumentStore(config.data / "state", device=config.device.id, root=root, files=REAL)
    moments = Moments(clock, documents.newest_instant())
    take_up_told(folder, clock, moments)
    viewfinder = ClaimedViewfinder(make_viewfinder(config, clock, cover), Claim(folder / CAMERA))
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
            permission=Permission(documents, moments, Looking()),
        )


@contextmanager
def open_confirm(config: DeviceConfig, stop: Stop, say: Callable[[str], None]) -> Iterator[Confirm]:
    """Make what confirming the room's mask takes; raises as `open_aim` does."""
    is_drawn = config.camera.kind is CameraKind.SYNTHETIC
    sitting = Sitting(config.camera, fps=SHOWN_FPS if is_drawn else config.camera.fps)
    held = Confirmations(config.data / "recorder", config.camera, REAL)
    with open_aim(config, sitting) as parts:
        yield Confirm(parts, stop, say, sitting=sitting, held=held)
