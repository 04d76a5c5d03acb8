"""Fourteen weeks in a cupboard: `python -m tests.e2e.cupboard`. One of its clocks is in the suite (test_cupboard.py).

A school is founded today, its unit joins, records a lesson and is switched off before anything was delivered. Then
every process of the server runs with a clock that is fourteen weeks later, and the unit is switched on again, with a
clock that is wrong and that nobody sets. All that has ended meanwhile has really ended: certificate, recipients,
policy, the key that signed it, and the broker's list of revoked certificates.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath

import requests
from cryptography import x509

from device.asked import load_told
from device.config import AgentTable, TimingsTable, UploadTable, load_config
from device.hardware.clock import BOOT_ID
from device.identity.tls import tls_files
from device.recorder.asking import OPEN_S
from device.uploads.client import Client, ClientSettings
from device.uploads.endpoints import Endpoints
from device.uploads.statement import Statement
from protocol.documents import Policy, peek_document
from protocol.keyfiles import load_verifying_key
from protocol.manifest import parse_manifest
from provisioning.broker.files import BrokerPlan
from provisioning.demo.crew import LOOPBACK_ALONE, backrow, run
from provisioning.demo.errors import DemoError
from provisioning.demo.school import (
    ROOM,
    TEACHER,
    Footage,
    School,
    enroll_unit,
    found_school,
    last_word,
    pick_ports,
    prepare_unit,
)
from provisioning.demo.viewer import Viewer
from provisioning.keys.standing import read_authority
from tests.broker import free_port
from tests.e2e import home
from tests.e2e.clocks import beside, beside_as_told, require_moved, tell
from tests.e2e.stack import QUICK_NIGHT, QUICK_UNIT, SPEED, Place, Stack, set_values, wait_until
from tests.e2e.wire import Wire
from tests.footage import find_footage
from tests.school_broker import SchoolBroker, following

AWAY = timedelta(weeks=14)
PROMISED_S = 600.0
LESSON_S = 2.0
THREADS = 8
"""Of the units' listener: with a moved clock a thread that waits for Python's lock does not sleep (libfaketime 0.9.10),
so that hundreds of them would keep a processor busy for half a minute until they have all begun."""
SERVER = ("serve", "jobs", "bridge")
UNIT = ("recorder", "agent", "uploader")
SYSTEMD = Path(__file__).parents[2] / "systemd"


CLOCKS = {
    "as-left": timedelta(0),
    "1970": datetime(1970, 1, 2, tzinfo=UTC) - datetime.now(UTC),
    "ahead": AWAY + timedelta(weeks=2),
    "years-ahead": AWAY + timedelta(weeks=522),
}
"""The clocks of the unit that comes back, by how far each stands beside the machine's; nobody ever sets them."""


@dataclass(frozen=True)
class SecureSchool(School):
    """The school, whose pages have a certificate of its own CA, as a school that lets no time through needs it."""

    @property
    def url(self) -> str:
        """Give the address of the pages."""
        return f"https://127.0.0.1:{self.ports.people}"

    @property
    def authority(self) -> Path:
        """Give the school's root CA."""
        return self.folder / "keys" / "root-ca.pem"


class SecureStack(Stack):
    """A stack whose pages are behind TLS."""

    school: SecureSchool

    def wait_served(self) -> None:
        """Wait until the pages answer."""
        self.wait("the pages", self._answers)

    def kill_if_there(self, *names: str) -> None:
        """End processes at once: with a moved clock `time.sleep` fails, by which cheroot stops in order."""
        self.kill(*(name for name in names if self.runs(name)))

    def _answers(self) -> bool:
        try:
            return requests.get(self.school.url, timeout=2, verify=str(self.school.authority)).status_code < 500
        except requests.RequestException:
            return False


@dataclass
class Cupboard:
    """The school, its broker, and the unit that was away."""

    stack: SecureStack
    broker: SchoolBroker
    leaving: ExitStack
    recording: str = ""
    epoch: str = ""
    """The week of the lesson."""
    times: dict[str, float] = field(default_factory=dict)
    """Seconds from power and network until each thing had happened."""

    @property
    def unit(self) -> Path:
        """Give the unit's folder of data."""
        return self.stack.school.unit / "data"

    @property
    def clock(self) -> Path:
        """Give the file that says how wrong the unit's clock is."""
        return self.stack.school.folder / "clock"

    @property
    def keys(self) -> Path:
        """Give the school's keys."""
        return self.stack.school.folder / "keys"

    # ---- fourteen weeks ago

    def record_and_leave(self) -> None:
        """Let the unit join and record a lesson, and switch everything off before anybody has heard of the lesson."""
        stack = self.stack
        stack.start("serve")
        stack.wait_served()
        enroll_unit(stack.school)
        stack.start("recorder")
        self.recording = stack.record(LESSON_S)
        key = load_verifying_key(self.unit / "identity" / "recorder.pub")
        self.epoch = parse_manifest((stack.school.spool / self.recording / "manifest").read_bytes(), key).begun.epoch
        stack.stop("recorder", "serve")

    # ---- what the school does meanwhile

    def command(self, *words: str | Path, after: timedelta = AWAY) -> str:
        """Run a command of the server so long after the beginning; give what it printed."""
        command = [*beside(after), *backrow(*words)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, env=_environment())
        assert done.returncode == 0, f"{shlex.join(command)}: {done.stdout}{done.stderr}"
        return done.stdout

    def pass_weeks(self) -> None:
        """Extend the epochs in time, and replace the key that signed the unit's policy so that it is not believed."""
        for weeks in (10, 14):
            self.command("provision", "keys", "extend", "--keys", self.keys, after=timedelta(weeks=weeks))
        rotate = ("provision", "keys", "rotate", "policy", "--keys", self.keys)
        self.command(*rotate, after=timedelta(weeks=11))
        self.command(*rotate, "--retire-old", after=timedelta(weeks=13))

    def open_server(self) -> None:
        """Start the server's processes with the time of today, fourteen weeks later."""
        stack = self.stack
        stack.launch_by(beside(AWAY), *SERVER)
        stack.start("serve", "jobs")
        listed = stack.school.folder / "controller" / "revoked.crl"
        wait_until("the list of revoked certificates", listed.exists)
        self.broker.put_crl([listed.read_bytes()])
        self.broker.launcher = beside(AWAY)
        self.broker.start()
        self.leaving.enter_context(following(self.broker, listed))
        stack.start("bridge")
        stack.wait_served()
        config = ("--config", stack.school.config)
        link = last_word(self.command("controller", "link", *config, "--email", TEACHER))
        stack.viewer.close()
        stack.viewer = Viewer(stack.school.url, stack.school.authority)
        stack.viewer.sign_in(link, "a long enough password")

    def epochs(self, verb: str) -> str:
        """Give what `backrow controller epochs` says."""
        return self.command("controller", "epochs", verb, "--config", self.stack.school.config)

    # ---- power and network

    def switch_on(self, clock: timedelta, *, renewed_after_s: float) -> None:
        """Give the unit power and network and a wrong clock, and wait until all is well; `times` says when what was.

        `renewed_after_s` is when the timer starts the renewal.
        """
        stack, began_s = self.stack, time.monotonic()
        assert self._certificate_ends_at() < datetime.now(UTC) + AWAY
        tell(self.clock, clock)
        stack.launch_by(beside_as_told(self.clock), *UNIT)
        stack.start(*UNIT)
        time.sleep(renewed_after_s)
        self.renew()
        self.times["certificate renewed"] = time.monotonic() - began_s
        self._reach("documents of today", began_s, self._has_documents)
        self._reach("time of the school", began_s, self._is_told)
        stack.wait_lamp("ready", within_s=PROMISED_S)
        self.times["ready"] = time.monotonic() - began_s
        self._wait_released(began_s)

    def _is_told(self) -> bool:
        """Tell whether the recorder believes what the school said of the time, and that this is the right one."""
        told = load_told(self.unit / "recorder")
        now = told.now(boot=BOOT_ID.read_text().strip(), monotonic_s=time.monotonic()) if told else None
        assert now is None or abs(now - (datetime.now(UTC) + AWAY)) < timedelta(seconds=OPEN_S)
        return now is not None

    def _wait_released(self, began_s: float) -> None:
        self._reach("lesson receipted and released", began_s, lambda: self.recording not in self.stack.spooled())

    def _reach(self, what: str, began_s: float, answer: Callable[[], bool]) -> None:
        self.stack.wait(what, answer, within_s=PROMISED_S)
        self.times.setdefault(what, time.monotonic() - began_s)

    def renew(self) -> None:
        """Renew as backrow-renew.service does."""
        command = [*beside_as_told(self.clock), *backrow(*renewal_words(), "--config", self.stack.school.unit_config)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, env=_environment())
        assert (done.returncode, done.stdout[:7]) == (0, "renewed"), done.stdout + done.stderr
        assert self._certificate_ends_at() > datetime.now(UTC) + AWAY

    def _certificate_ends_at(self) -> datetime:
        leaf, *_ = x509.load_pem_x509_certificates((self.unit / "certificate" / "tls.pem").read_bytes())
        return leaf.not_valid_after_utc

    def _has_documents(self) -> bool:
        state, now = self.unit / "state", datetime.now(UTC) + AWAY
        same = all((state / kind).read_bytes() == (self.keys / kind).read_bytes() for kind in ("keyring", "recipients"))
        return same and peek_document(Policy, (state / Policy.KIND).read_bytes()).expires_at > now

    def tell_epochs(self, *, hurried: bool) -> None:
        """Let the unit say what is left on it now, which its uploader does within an hour and a half.

        The uploader is started anew, and does it within a minute; or the same code does it here at once.
        """
        self.stack.wait("the recorder's new word", lambda: self.epoch not in self._word().read_text("ascii"))
        if hurried:
            self._carry_word()
        else:
            self.stack.stop("uploader")
            self.stack.start("uploader")
        self.stack.wait("the unit's word on its epochs", lambda: not self.is_blocked(), within_s=120)

    def _word(self) -> Path:
        return self.unit / "recorder" / "epochs"

    def _carry_word(self) -> None:
        config = load_config(self.stack.school.unit_config)
        tls = tls_files(config, lambda: False)
        client = Client(ClientSettings(url=config.controller.url, tls=tls, connect_timeout_s=10, read_timeout_s=10))
        with closing(client):
            Statement(Endpoints(client), self._word()).send(None)

    def is_blocked(self) -> bool:
        """Tell whether the epoch of the lesson is said to be blocked by this unit, by its name."""
        listed = self.epochs("list").splitlines()
        (at,) = (number for number, line in enumerate(listed) if line.startswith(self.epoch))
        return listed[at].endswith("blocked") and listed[at + 1].strip().startswith(f"blocked by {ROOM} (")


def renewal_words() -> list[str]:
    """Give the words of the renewal in systemd's unit, behind the program's name."""
    (line,) = (
        line for line in (SYSTEMD / "backrow-renew.service").read_text("utf-8").splitlines() if "ExecStart=" in line
    )
    program, *words = shlex.split(line.partition("=")[2])
    assert Path(program).name == "backrow"
    return words


def _environment() -> dict[str, str]:
    return os.environ | LOOPBACK_ALONE


@dataclass(frozen=True, kw_only=True)
class Haste:
    """How long the unit and the server wait between two looks, by the tables of their configurations."""

    unit: Mapping[str, Mapping[str, object]]
    server: Mapping[str, object]
    renewed_after_s: float


HURRIED = Haste(unit=QUICK_UNIT, server=QUICK_NIGHT["uploads"], renewed_after_s=0.0)
AS_INSTALLED = Haste(
    unit={
        **QUICK_UNIT,
        "agent": asdict(AgentTable()),
        "upload": asdict(UploadTable()),
        "timings": {**QUICK_UNIT["timings"], "release_every_s": TimingsTable().release_every_s},
    },
    server={"tick_s": 30, "lease_s": 900, "reserve_bytes": 1_000_000},
    renewed_after_s=80.0,  # backrow-renew.timer: 20 s after the start, and up to a minute at random
)


@contextmanager
def open_cupboard(folder: Path, haste: Haste) -> Iterator[Cupboard]:
    """Found the school, and stop whatever of it still runs in the end."""
    require_moved(AWAY)
    with ExitStack() as leaving:
        plan = _plan_broker(Path(leaving.enter_context(tempfile.TemporaryDirectory(prefix="backrow-broker-"))))
        school = _found(folder, plan, haste)
        broker = _make_broker(school, plan)
        leaving.callback(broker.stop)
        stack = leaving.enter_context(SecureStack(Place(school, Wire(school.ports.units))))
        set_values(school.unit_config, {"controller": {"url": f"https://127.0.0.1:{stack.wire.port}"}})
        leaving.callback(stack.kill_if_there, *SERVER)
        yield Cupboard(stack, broker, leaving)


def _found(folder: Path, plan: BrokerPlan, haste: Haste) -> SecureSchool:
    made = found_school(folder, pick_ports(), "en")
    school = SecureSchool(**{each.name: getattr(made, each.name) for each in fields(made)})
    keys, now = folder / "keys", datetime.now(UTC)
    window = f"{now - timedelta(hours=1):%H:%M}-{now + timedelta(hours=3):%H:%M}"
    pages = {"tls_certificate": str(keys / "server.pem"), "tls_key": str(keys / "server.key"), "url": school.url}
    ring = {"port": plan.bridge_port, "tls": True}
    ring |= {"certificate": str(keys / "bridge.pem"), "key": str(keys / "bridge.key")}
    night = {"uploads": {**haste.server, "window": window}, "retention": QUICK_NIGHT["retention"]}
    set_values(school.config, {"people": pages, "broker": ring, "units": {"threads": THREADS}, **night})
    prepare_unit(school, Footage(find_footage("bigbuckbunny.mp4"), None, SPEED))
    doorbell = {"host": "127.0.0.1", "port": plan.units_port, "tls": True}
    set_values(school.unit_config, {**haste.unit, "broker": doorbell})
    return school


def _plan_broker(folder: Path) -> BrokerPlan:
    """Plan the broker where its own user may reach it."""
    folder.chmod(0o755)
    return BrokerPlan(
        folder=PurePosixPath(folder / "etc"),
        state=PurePosixPath(folder / "state"),
        crl=PurePosixPath(folder / "revoked.crl"),
        units_host="127.0.0.1",
        units_port=free_port(),
        bridge_port=free_port(),
    )


def _make_broker(school: School, plan: BrokerPlan) -> SchoolBroker:
    """Make the broker's files by the command, and lay them where they belong."""
    keys, out = school.folder / "keys", school.folder / "broker"
    ports = ("--port", str(plan.units_port), "--bridge-port", str(plan.bridge_port), "--listen", plan.units_host)
    places = ("--crl", str(plan.crl), "--folder", str(plan.folder), "--state", str(plan.state))
    run("provision", "broker", "--keys", keys, "--out", out, *places, *ports, cwd=school.folder)
    authority = read_authority(keys / "ca.pem", keys / "ca.key")
    broker = SchoolBroker(Path(plan.folder).parent, authority, authority, datetime.now(UTC), plan)
    broker.place(out)
    return broker


def main() -> None:
    """Go through the clocks, each in a school of its own, with everything else as it is installed."""
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.cupboard", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--hurried", action="store_true", help="with a test's short waits")
    parser.add_argument("--clock", choices=CLOCKS, action="append", help="only this one")
    options = parser.parse_args()
    haste = HURRIED if options.hurried else AS_INSTALLED
    for name in options.clock or CLOCKS:
        clock = CLOCKS[name]
        folder = Path(tempfile.mkdtemp(prefix="backrow-cupboard-"))
        _say(f"fourteen weeks in a cupboard, the clock {name}, in {folder}")
        with open_cupboard(folder, haste) as cupboard:
            come_back(cupboard, clock, haste)
        for what, seconds in cupboard.times.items():
            _say(f"  {seconds:6.1f} s  {what}")
    _say("every unit is ready, and every lesson is at home and open")


def come_back(cupboard: Cupboard, clock: timedelta, haste: Haste) -> None:
    """Leave the unit in its cupboard, switch it on again with this clock, and look whether all is as it must be."""
    cupboard.record_and_leave()
    cupboard.pass_weeks()
    cupboard.open_server()
    assert cupboard.is_blocked()
    assert "has ended" not in cupboard.epochs("end")
    cupboard.switch_on(clock, renewed_after_s=haste.renewed_after_s)
    cupboard.stack.wait_home(cupboard.recording)
    home.check_home(cupboard.stack, cupboard.recording)
    assert cupboard.times["ready"] < PROMISED_S
    cupboard.tell_epochs(hurried=haste is HURRIED)
    assert f"Epoch {cupboard.epoch} has ended" in cupboard.epochs("end")


def _say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        main()
    except (AssertionError, DemoError) as error:
        sys.exit(f"failed: {error}")
