"""Looks over a unit without starting anything: configuration, keys, documents, space; and says what is wrong.

It reads and writes nothing, and opens neither camera nor pins. Each finding says what to do next.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from device.camera_settings import PICAMERA2_REMEDY, CameraKind
from device.config import DeviceConfig
from device.enrollment.describing import JOIN, describe_enrollment
from device.findings import Finding
from device.hardware.cards import choose_device
from device.hardware.disk import SystemDisk
from device.hardware.ports import DiskFault, MicrophoneFault
from device.identity import DocumentStore, Identity, load_identity
from device.localtime import describe_zone
from device.pin_settings import LGPIO_REMEDY, ButtonKind, ButtonTable, PinsKind, PinsTable
from protocol.documents import Document, Keyring, Policy, Recipients
from protocol.durable import REAL
from protocol.keyfiles import KeyFileError, read_secret


def check_unit(config: DeviceConfig, now: datetime) -> Iterator[Finding]:
    """Look over the unit at `now`, thing by thing."""
    yield from (Finding(part, "only pretends; not for a classroom") for part in config.pretends)
    yield Finding(f"times of day are of {describe_zone(config.device.timezone)}")
    if config.camera.input is not None:
        yield _check_input(config.camera.input)
    if config.microphone.hears_a_room:
        yield from _check_sound(config.microphone.device)
    if config.camera.kind is CameraKind.PICAMERA2:
        yield _check_library()
    yield from _check_controls(config.pins, config.button)
    yield from _check_enrollment(config, now)
    try:
        identity = load_identity(config.data / "identity", config.keys)
    except KeyFileError as error:
        yield Finding("identity/", str(error))
        return
    yield Finding("identity/recorder.key, recorder.pub, root.pub")
    yield from _check_documents(config, identity, now)
    yield _check_space(config)


def _check_input(path: Path) -> Finding:
    from device.media.errors import InputRefused  # with PyAV, which a unit that replays nothing does not load here
    from device.media.inputs import inspect_input

    try:
        inspect_input(path)
    except InputRefused as error:
        return Finding("[camera] input", str(error))
    return Finding("[camera] input")


def _check_sound(device: str | None) -> Iterator[Finding]:
    from device.media.speech import can_measure_speech  # with PyAV, which a unit without sound does not load here

    try:
        yield Finding(f"[microphone] {choose_device(device)}")
    except MicrophoneFault as fault:
        yield Finding("[microphone]", str(fault))
    measured = "measured" if can_measure_speech() else "not measured: the extra 'speech' is not installed"
    yield Finding(f"speech share {measured}")


def _check_library() -> Finding:
    missing = [name for name in ("libcamera", "picamera2") if importlib.util.find_spec(name) is None]
    problem = f"{' and '.join(missing)} cannot be found here; {PICAMERA2_REMEDY}"
    return Finding("[camera] kind", problem if missing else "")


def _check_controls(pins: PinsTable, button: ButtonTable) -> Iterator[Finding]:
    """Look for the pins' library and for the keyboard; no pin is opened, so what is wired to it is not known."""
    if pins.kind is PinsKind.GPIO:
        found = importlib.util.find_spec("lgpio") is not None
        yield Finding("[pins] kind", "" if found else f"lgpio cannot be found here; {LGPIO_REMEDY}")
    if button.kind is not ButtonKind.PINS and button.device is not None:
        problem = f"{button.device}: not there; plug it in, or take its name from ls {button.device.parent}"
        yield Finding("[button] device", "" if button.device.exists() else problem)


def _check_enrollment(config: DeviceConfig, now: datetime) -> Iterator[Finding]:
    """Look whether the unit has joined its school, and until when it is let in."""
    pinned = config.data / "identity" / "ca.pem"
    if not pinned.is_file():
        yield Finding("identity/ca.pem", "missing; lay the unit's bundle there again")
        return
    yield Finding("identity/ca.pem")
    try:
        read_secret(config.keys / "tls.key")
    except KeyFileError as error:
        yield Finding("identity/tls.key", f"{error}; a unit that has not joined yet: {JOIN}")
        return
    yield Finding("identity/tls.key")
    yield from describe_enrollment(config, now)


def _check_documents(config: DeviceConfig, identity: Identity, now: datetime) -> Iterator[Finding]:
    store = DocumentStore(config.data / "state", device=config.device.id, root=identity.root, files=REAL)
    kinds: tuple[type[Document], ...] = (Keyring, Recipients, Policy)
    for kind in kinds:
        yield Finding(f"state/{kind.KIND}", store.load(kind, now).reason)
    recipients = store.load(Recipients, now).document
    if recipients and recipients.epoch_at(now) is None:
        yield Finding("state/recipients", f"no epoch covers {now}; the controller must publish newer recipients")


def _check_space(config: DeviceConfig) -> Finding:
    needed = config.limits.lesson_bytes + config.limits.spool_reserve_bytes
    try:
        free = SystemDisk().free_bytes(config.data)
    except DiskFault as fault:
        return Finding("space", str(fault))
    problem = f"{free} bytes are free, one lesson needs {needed}; deliver recordings or use a larger card"
    return Finding("space", problem if free < needed else "")
