"""The steps that look at the unit as it stands: keys, documents, card, camera, sound, machine, recorder.

They start nothing and change nothing. Each gives words for a good end or raises `StepFailed` with what to do.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from device.config import DeviceConfig
from device.hardware.disk import SystemDisk
from device.health.prober import Prober
from device.health.probes import Places, make_probes
from device.health.report import MEANINGS, UNFIT, Reading, judge
from device.identity import DocumentStore, load_identity
from device.selftest.report import StepFailed
from device.spool.store import SpoolStore
from device.world import World
from protocol.documents import Document, Keyring, Policy, Recipients
from protocol.durable import REAL
from protocol.keyfiles import KeyFileError, read_secret

BUNDLE = "lay the unit's bundle onto its card again"
PUBLISH = "connect the unit to the school's network for some minutes; if that does not help, tell whoever runs Backrow"
DOCUMENT_WORDS: Mapping[type[Document], str] = {
    Keyring: "the list of the school's keys",
    Recipients: "the list of recipients that lessons are sealed to",
    Policy: "the permission to record",
}
ASKED_ABOVE = ("card_read_only", "camera_missing", "microphone_missing")
OWN_STEPS = ("recorder", "selftest")  # a self-test does not repeat what it is about to find out


@dataclass(frozen=True)
class Look:
    """The unit and what its probes said, asked once."""

    config: DeviceConfig
    world: World
    readings: Mapping[str, Reading]

    def keys(self) -> str:
        """Read the unit's own keys."""
        try:
            load_identity(self.config.data / "identity", self.config.keys)
            read_secret(self.config.keys / "tls.key")
        except KeyFileError:
            raise StepFailed("a key of the unit is missing, damaged or open to others", BUNDLE) from None
        if not (self.config.data / "identity" / "ca.pem").is_file():
            raise StepFailed("the school's certificate is missing", BUNDLE)
        if not self.config.certificate.is_file():
            raise StepFailed("the unit has no certificate", MEANINGS["not_enrolled"].remedy)
        return ""

    def documents(self) -> str:
        """Verify the school's documents."""
        identity, now = load_identity(self.config.data / "identity", self.config.keys), self.world.now()
        store = DocumentStore(self.config.data / "state", device=self.config.device.id, root=identity.root, files=REAL)
        for kind, words in DOCUMENT_WORDS.items():
            if store.load(kind, now).document is None:
                raise StepFailed(f"{words} is missing or has ended", PUBLISH)
        recipients = store.load(Recipients, now).document
        if recipients is None or recipients.epoch_at(now) is None:
            raise StepFailed("the list of recipients does not reach this day", PUBLISH)
        return ""

    def card(self) -> str:
        """Ask for the space of a lesson."""
        self._require_no("card_read_only", "disk")
        spool, limits = self.config.data / "spool", self.config.limits
        held = SpoolStore(spool, REAL).reserve_bytes
        free = SystemDisk().free_bytes(spool if spool.is_dir() else self.config.data)
        if free < limits.lesson_bytes + limits.spool_reserve_bytes - held:
            raise StepFailed(
                "there is no space for a whole lesson",
                "let the unit deliver in the night; if that does not help, use a larger card",
            )
        return "space for a lesson"

    def camera(self) -> str:
        """Count cameras; none is started."""
        self._require_no("camera_missing", "camera")
        if "found" not in self.readings["camera"].measures:
            return "a made-up one, for tests"
        return "found, and not started"

    def microphone(self) -> str:
        """Count microphones; none is opened."""
        self._require_no("microphone_missing", "microphone")
        return "found, and not opened" if self.readings["microphone"].measures.get("found") else "none, and none needed"

    def machine(self) -> str:
        """Judge what the other probes found; what merely wants a person some day is named, and no fault."""
        others = (each for name, each in self.readings.items() if name not in OWN_STEPS)
        codes = [code for code in judge(others) if code not in ASKED_ABOVE]
        for code in codes:
            if MEANINGS[code].grade is UNFIT:
                raise StepFailed(MEANINGS[code].words, MEANINGS[code].remedy)
        return "; ".join(f"some day: {MEANINGS[code].words}, {MEANINGS[code].remedy}" for code in codes)

    def recorder(self) -> str:
        """Ask whether the recorder runs and would record."""
        self._require_no("recorder_not_running", "recorder")
        measures = self.readings["recorder"].measures
        if measures.get("fit") == 0:
            raise StepFailed(
                f"the recorder would refuse a press ({measures.get('reasons', 'it does not say why')})",
                "look at the lamp and at the steps above; then restart the unit",
            )
        return "it runs and would record"

    def _require_no(self, code: str, probe: str) -> None:
        reading = self.readings[probe]
        if reading.problem:
            raise StepFailed(f"that could not be found out ({reading.problem})", "restart the unit and test again")
        if code in judge([reading]):
            raise StepFailed(MEANINGS[code].words, MEANINGS[code].remedy)


def look_at(config: DeviceConfig, world: World, pause: Callable[[float], object] = time.sleep) -> Look:
    """Ask every probe of the unit once."""
    prober = Prober(make_probes(config, world, Places()), world.monotonic_s)
    return Look(config, world, {each.probe: each for each in prober.ask_all(pause)})


def scratch_folder(config: DeviceConfig) -> Path:
    """Name the folder of the rehearsal: on the same card as the spool, and not in it."""
    return config.data / "selftest" / "rehearsal"
