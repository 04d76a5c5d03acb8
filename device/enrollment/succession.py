"""Gives the recorder another signing key, which the present one vouches for at the controller.

Refused while the recorder runs, because it holds the present key and would go on signing with it, and while the spool
holds any recording: the controller knows every key that the unit ever had, but to the unit itself what an older one
signed would look damaged. A key that is lost or stolen vouches for nothing: then a person readopts the unit. Defined in
docs/protocol/enrollment.md, "The unit".
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from device.claims import CAMERA, PARTS, Claim, is_claimed
from device.config import DeviceConfig
from device.enrollment.client import EnrollmentClient
from device.enrollment.store import EnrollmentStore
from device.spool.store import SpoolStore
from protocol.durable import REAL
from protocol.enrollment import RecorderKey, issue_recorder_key


class SuccessionRefused(Exception):
    """The recorder's key cannot be replaced now; the message says why, and what to do."""


@contextmanager
def recorder_at_rest(config: DeviceConfig) -> Iterator[None]:
    """Hold the recorder off, and make sure that no recording would lose the key that signed it.

    The spool's folder is asked, whoever delivered what: a recording that waits for its receipt needs its key, too.
    Raises `SuccessionRefused`.
    """
    if is_claimed(config.data / "recorder" / CAMERA):
        raise SuccessionRefused(
            "the camera runs; nothing was touched. Wait until the lamp shows that the unit is ready"
        )
    claim = Claim(config.data / "recorder" / PARTS)
    if not claim.take():
        raise SuccessionRefused(
            "the recorder runs and holds its key. While the lamp shows that the unit is ready, stop it (sudo systemctl "
            "stop backrow-recorder), run this command, and start it again (sudo systemctl start backrow-recorder)"
        )
    try:
        if _holds_recordings(config.data / "spool"):
            raise SuccessionRefused(
                "the spool is not empty: what lies there is signed with the present key. Let the unit deliver it and "
                "have it confirmed, then run this command again"
            )
        yield
    finally:
        claim.give_back()


def _holds_recordings(spool: Path) -> bool:
    return spool.is_dir() and bool(SpoolStore(spool, REAL).recordings())


def succeed(store: EnrollmentStore, units: EnrollmentClient, *, device: str) -> str:
    """Replace the recorder's key and give the new one's id; whatever cuts it, repeating ends with one key.

    The new key is durable before the controller hears of it, and in its place only when the controller has it: a cut
    between leaves both on the disk, and the next run says the same again. Raises `LinkError`, `Refused`, `OSError` or
    `KeyFileError`.
    """
    if not store.has_staged_recorder_key() and not store.shows_recorder_key():
        store.show_recorder_key()  # a cut came between the two files of the last change
        return store.recorder_key().verifying.key_id
    store.stage_recorder_key()
    present, following = store.recorder_key(), store.staged_recorder_key()
    statement = RecorderKey(device=device, key=following.verifying.encode(), previous=present.verifying.encode())
    units.register(issue_recorder_key(statement, following, present))
    store.keep_staged_recorder_key()
    return following.verifying.key_id
