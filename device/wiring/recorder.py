"""Puts the recorder together from its configuration and the parts that its neighbours pick.

Nothing is started here but what must stand before the process runs; made-up parts are refused in production before
anything is touched.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from device import claims
from device.asked import ANSWER
from device.claims import Claim
from device.config import DeviceConfig
from device.hardware.claimed import ClaimedCamera, claim_parts
from device.hardware.clock import SystemClock
from device.hardware.disk import SystemDisk
from device.hardware.ports import Clock, Purpose, require_fit
from device.health.status import StatusFile
from device.identity import DocumentStore, Identity, load_identity
from device.localtime import local_zone
from device.masking.confirmed import Confirmations
from device.masking.veil import Veil
from device.media.segments import SegmentLimits
from device.media.speech import can_measure_speech
from device.recorder.asking import Post, TimeAsker
from device.recorder.begin import Beginner, SpoolLimits
from device.recorder.commands import Commands
from device.recorder.epochs import EpochTeller, Word
from device.recorder.fitness import Fitness
from device.recorder.gestures import GestureTimings
from device.recorder.journal import Journal
from device.recorder.media import SoundRules
from device.recorder.moments import Moments
from device.recorder.performer import Hardware, Workroom
from device.recorder.permission import Permission
from device.recorder.service import Desk, Inbox, Pace, Recorder
from device.recorder.states import Limits
from device.spool.held import HeldEpochs
from device.spool.inspecting import Inspector
from device.spool.keeping import SpoolKeeper
from device.spool.manifest import Signer
from device.spool.outlook import Outlook
from device.spool.releasing import Releaser, UndoRule
from device.spool.store import SpoolStore
from device.wiring.controls import open_controls
from device.wiring.sources import make_camera, make_microphone
from protocol.durable import REAL, Files


@contextmanager
def open_recorder(config: DeviceConfig, files: Files = REAL) -> Iterator[Recorder]:
    """Make the recorder of this unit, with its panel where the pins are mock ones; nothing runs before its `run`.

    Raises `HardwareError`, `InputRefused`, `KeyFileError` or `OSError`, each with what to do.
    """
    clock, inbox, veil = SystemClock(), Inbox(), make_veil(config, files)
    own = make_camera(config, clock, on_stuck=inbox.put, cover=veil)
    camera = ClaimedCamera(own, Claim(config.data / "recorder" / claims.CAMERA))
    microphone = make_microphone(config, clock)
    with claim_parts(config.data / "recorder"), open_controls(config, clock, inbox) as controls:
        for part in filter(None, (camera, microphone, *controls.parts)):
            require_fit(part, Purpose.PRODUCTION if config.device.production else Purpose.DEMO)
        hardware = Hardware(
            button=controls.button,
            camera=camera,
            microphone=microphone,
            lamp=controls.lamp,
            clock=clock,
            disk=SystemDisk(),
            veil=veil,
            buzzer=controls.buzzer,
        )
        yield make_recorder(config, hardware, inbox, files)


def make_veil(config: DeviceConfig, files: Files = REAL) -> Veil:
    """Make what hides the mask's areas of the configured camera's pictures."""
    return Veil(Confirmations(config.data / "recorder", config.camera, files), config.camera)


def make_recorder(config: DeviceConfig, hardware: Hardware, inbox: Inbox, files: Files = REAL) -> Recorder:
    """Make the recorder around its parts; whoever made `inbox` may put faults of lamp and camera into it."""
    identity = load_identity(config.data / "identity", config.keys)
    ground = _lay_ground(config, identity, clock=hardware.clock, files=files)
    return Recorder(
        hardware,
        room=_make_workroom(config, ground, hardware),
        desk=_make_desk(config, ground, hardware.clock),
        pace=_make_pace(config),
        inbox=inbox,
    )


def open_documents(config: DeviceConfig, identity: Identity, files: Files = REAL) -> DocumentStore:
    """Open the unit's signed documents."""
    return DocumentStore(config.data / "state", device=config.device.id, root=identity.root, files=files)


@dataclass(frozen=True)
class _Ground:
    """What everything on the recorder's disk stands on."""

    store: SpoolStore
    documents: DocumentStore
    moments: Moments
    signer: Signer
    epochs: EpochTeller
    releaser: Releaser


def _lay_ground(config: DeviceConfig, identity: Identity, *, clock: Clock, files: Files) -> _Ground:
    documents, store = open_documents(config, identity, files), SpoolStore(config.data / "spool", files)
    word = Word(device=config.device.id, key=identity.recorder, path=config.data / "recorder" / "epochs", files=files)
    epochs = EpochTeller(word, HeldEpochs(store, identity.recorder.verifying))
    moments = Moments(clock, documents.newest_instant(), epochs.said_at)
    signer = Signer(key=identity.recorder, moment=moments.moment, files=files)
    releaser = _make_releaser(config, store, documents, SpoolKeeper(store, signer))
    return _Ground(store, documents, moments, signer, epochs, releaser)


def _make_releaser(config: DeviceConfig, store: SpoolStore, documents: DocumentStore, keeper: SpoolKeeper) -> Releaser:
    undo = UndoRule(
        until=config.limits.undo_until,
        zone=local_zone(config.device.timezone),
        grace=timedelta(seconds=config.limits.undo_grace_s),
    )
    return Releaser(store, documents, keeper=keeper, receipts=config.data / "state" / "receipts", undo=undo)


def _make_workroom(config: DeviceConfig, ground: _Ground, hardware: Hardware) -> Workroom:
    limits = config.limits
    beginner = Beginner(
        device=config.device.id,
        camera=config.camera.kind.value,
        store=ground.store,
        signer=ground.signer,
        documents=ground.documents,
        moments=ground.moments,
        disk=hardware.disk,
        limits=SpoolLimits(lesson_bytes=limits.lesson_bytes, reserve_bytes=limits.spool_reserve_bytes),
        random_bytes=os.urandom,
        said_at=lambda: ground.epochs.said_at,
        copies=ground.releaser,
    )
    status = StatusFile(config.data / "recorder" / "status", ground.store.files)
    days = config.data / "recorder" / "days"
    zone = local_zone(config.device.timezone)
    outlook = Outlook(days, lesson_bytes=limits.lesson_bytes, zone=zone, files=ground.store.files)
    return Workroom(
        keeper=SpoolKeeper(ground.store, ground.signer),
        beginner=beginner,
        permission=Permission(ground.documents, ground.moments, hardware.veil),
        fitness=Fitness(ground.documents, ground.moments, beginner=beginner, status=status, outlook=outlook),
        segments=SegmentLimits(target_s=limits.segment_s, bound_s=2 * limits.segment_s),
        sound=SoundRules(
            warn_after_s=config.microphone.warn_after_s,
            is_expected=hardware.microphone is not None,
            measures_speech=can_measure_speech(),
        ),
    )


def _make_desk(config: DeviceConfig, ground: _Ground, clock: Clock) -> Desk:
    folder, files = config.data / "recorder", ground.store.files
    files.make_folder(folder)
    post = Post(device=config.device.id, folder=folder, answer=config.data / "state" / ANSWER, files=files)
    return Desk(
        journal=Journal(folder / "journal", files),
        moments=ground.moments,
        asker=TimeAsker(post, ground.documents, ground.moments, clock=clock, random_bytes=os.urandom),
        commands=Commands(ground.documents, ground.moments, store=ground.store, folder=folder),
        releaser=ground.releaser,
        inspector=Inspector(ground.store, ground.signer.key.verifying),
        epochs=ground.epochs,
    )


def make_gestures(config: DeviceConfig) -> GestureTimings:
    """Give the hand's timings."""
    timings = config.timings
    return GestureTimings(
        debounce_s=timings.debounce_s,
        double_tap_s=timings.double_tap_s,
        stop_from_s=timings.stop_s,
        nothing_from_s=timings.stop_until_s,
        discard_from_s=timings.discard_s,
        stuck_from_s=timings.stuck_s,
    )


def _make_pace(config: DeviceConfig) -> Pace:
    timings = config.timings
    return Pace(
        limits=Limits(
            settle_s=timings.settle_s,
            stale_s=timings.stale_s,
            hopeless_s=timings.hopeless_s,
            retry_min_s=timings.retry_min_s,
            retry_max_s=timings.retry_max_s,
            hang_s=timings.hang_s,
            recording_s=config.limits.recording_s,
            pause_s=config.limits.pause_s,
            remind_s=timings.remind_s,
            seats_s=timings.seats_s,
        ),
        gestures=make_gestures(config),
        look_every_s=timings.release_every_s,
    )
