"""What the service manager is told: by the loops themselves, in words that are the same whatever a room does."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from device.notify import BEAT_EVERY_S, SILENT, SLICE_S, Notifier, WatchedStop, make_notifier
from protocol.durable import Files
from tests.fakes.camera import FakeCamera
from tests.recorder_process import panel_of, running_recorder, terminate
from tests.recorder_room import make_fast_unit, make_room
from tests.school import UnitBundle, make_school

PATIENCE_S = 60.0


class Manager:
    """A service manager's end of the socket."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.settimeout(PATIENCE_S)

    def next(self) -> str:
        """Wait for what is said next."""
        return self._socket.recv(4096).decode()

    def waiting(self) -> list[str]:
        """Give what has been said and not been read, without waiting."""
        self._socket.settimeout(0)
        said = []
        try:
            while True:
                said.append(self._socket.recv(4096).decode())
        except BlockingIOError:
            return said
        finally:
            self._socket.settimeout(PATIENCE_S)

    def wait_for(self, state: str) -> list[str]:
        """Read until something is said that begins with `state`; give everything up to it."""
        said = [self.next()]
        while not said[-1].startswith(state):
            said.append(self.next())
        return said

    def close(self) -> None:
        """Let go of the socket."""
        self._socket.close()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    """A service manager that listens."""
    with closing(Manager(tmp_path / "notify")) as one:
        yield one


class Hand:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        """Give the time."""
        return self.now_s


def test_notifier_says_ready_beats_and_stopping(manager: Manager) -> None:
    """The words are those of sd_notify(3)."""
    with closing(Notifier(str(manager.path), monotonic_s=Hand())) as notifier:
        notifier.ready("watching")
        notifier.beat()
        notifier.stopping()
    assert manager.waiting() == ["READY=1\nSTATUS=watching", "WATCHDOG=1", "STOPPING=1"]


def test_notifier_beats_once_a_second_however_fast_the_loop_turns(manager: Manager) -> None:
    """A thousand turns within a second are one beat; the next second has the next."""
    hand = Hand()
    with closing(Notifier(str(manager.path), monotonic_s=hand)) as notifier:
        for _ in range(1000):
            notifier.beat()
        assert manager.waiting() == ["WATCHDOG=1"]
        hand.now_s += BEAT_EVERY_S
        notifier.beat()
        assert manager.waiting() == ["WATCHDOG=1"]


def test_notifier_reaches_an_abstract_socket() -> None:
    """An address with an at sign is a name without a file, as sd_notify(3) says."""
    name = f"backrow-test-{time.monotonic_ns()}"
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    with closing(listener), closing(Notifier(f"@{name}", monotonic_s=Hand())) as notifier:
        listener.bind(f"\0{name}")
        listener.settimeout(PATIENCE_S)
        notifier.stopping()
        assert listener.recv(100) == b"STOPPING=1"


def test_notifier_without_a_manager_says_nothing() -> None:
    """By hand, in the demo and in tests there is no socket, and nothing is attempted."""
    notifier = make_notifier({}, Hand())
    for each in (notifier, SILENT):
        each.ready("watching")
        each.beat()
        each.stopping()


def test_notifier_complains_once_and_works_on_when_the_manager_has_gone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A manager that went away is one line in the log, and never an error."""
    hand = Hand()
    with closing(make_notifier({"NOTIFY_SOCKET": str(tmp_path / "gone")}, hand)) as notifier:
        for _ in range(3):
            hand.now_s += BEAT_EVERY_S
            notifier.beat()
    assert [record.message for record in caplog.records] == [
        "the service manager cannot be told: No such file or directory"
    ]


def test_notifier_does_not_wait_for_a_manager_that_does_not_read(manager: Manager) -> None:
    """When the socket's queue is full, the work goes on at once."""
    hand = Hand()
    with closing(Notifier(str(manager.path), monotonic_s=hand)) as notifier:
        for _ in range(5000):
            hand.now_s += BEAT_EVERY_S
            notifier.beat()
    assert 0 < len(manager.waiting()) < 5000


def test_watched_stop_says_ready_when_the_loop_first_asks(manager: Manager) -> None:
    """Before the loop turns nothing is said; then ready, beats, and at the end stopping, once."""
    stop = threading.Event()
    with closing(Notifier(str(manager.path), monotonic_s=Hand())) as notifier:
        watched = WatchedStop(stop, notifier, "following leases")
        assert manager.waiting() == []
        assert not watched.is_set()
        assert manager.waiting() == ["READY=1\nSTATUS=following leases", "WATCHDOG=1"]
        stop.set()
        assert watched.is_set()
        assert watched.wait(100.0)
        assert manager.waiting() == ["STOPPING=1"]


def test_watched_stop_beats_while_it_sleeps(manager: Manager) -> None:
    """A loop that sleeps for hours is alive: the sleep is cut into slices, each of which is a beat."""

    class Sleeper:
        """A stop whose waits take no time; it notes them."""

        waits: list[float | None] = []  # noqa: RUF012 one test, one list

        def is_set(self) -> bool:
            """See `Stop`."""
            return False

        def wait(self, timeout: float | None = None) -> bool:
            """See `Stop`."""
            self.waits.append(timeout)
            hand.now_s += timeout or 0
            return False

    hand = Hand()
    with closing(Notifier(str(manager.path), monotonic_s=hand)) as notifier:
        assert not WatchedStop(Sleeper(), notifier, "sleeping").wait(3 * SLICE_S + 0.5)
    assert Sleeper.waits == [SLICE_S, SLICE_S, SLICE_S, 0.5]
    assert manager.waiting().count("WATCHDOG=1") == 3  # the last half second is no beat of its own


def test_recorder_beats_from_its_own_loop(tmp_path: Path, manager: Manager) -> None:
    """Ready once the button is watched, then a beat a second for as long as it turns; stopping at the end."""
    school = make_school(tmp_path, now=datetime.now(UTC))
    unit = make_fast_unit(school, tmp_path / "unit")
    room = make_room(school, unit, FakeCamera())
    with closing(Notifier(str(manager.path), monotonic_s=time.monotonic)) as notifier:
        life = threading.Thread(target=lambda: room.status.append(room.recorder.run(notifier)))
        life.start()
        assert manager.next() == "READY=1\nSTATUS=watching the button"
        assert [manager.next(), manager.next()] == ["WATCHDOG=1"] * 2
        room.recorder.terminate()
        assert manager.wait_for("STOPPING=1")
        life.join(PATIENCE_S)
    assert room.status == [0]


class DyingCard(Files):
    """A card whose syncs do not come back until `answers` is set."""

    def __init__(self) -> None:
        self.answers = threading.Event()
        self.answers.set()
        self.asked = threading.Event()

    def sync(self, descriptor: int) -> None:
        """See `Files.sync`."""
        self.asked.set()
        assert self.answers.wait(PATIENCE_S)
        super().sync(descriptor)


def test_recorder_whose_loop_hangs_misses_its_beats(tmp_path: Path, manager: Manager) -> None:
    """A card that does not answer stops the loop and with it the beats: nobody beats beside the loop."""
    card, school = DyingCard(), make_school(tmp_path, now=datetime.now(UTC))
    room = make_room(school, make_fast_unit(school, tmp_path / "unit"), FakeCamera(), files=card)
    with closing(Notifier(str(manager.path), monotonic_s=time.monotonic)) as notifier:
        life = threading.Thread(target=lambda: room.status.append(room.recorder.run(notifier)))
        life.start()
        manager.wait_for("WATCHDOG")
        card.answers.clear()
        card.asked.clear()
        room.tap()
        assert card.asked.wait(PATIENCE_S)
        manager.waiting()
        time.sleep(3 * BEAT_EVERY_S)
        assert manager.waiting() == []
        card.answers.set()
        assert manager.next() == "WATCHDOG=1"
        room.recorder.terminate()
        life.join(PATIENCE_S)
    assert room.status == [0]


def test_recorder_says_the_same_while_it_records(tmp_path: Path, manager: Manager) -> None:
    """P7: what the service manager can show does not change with a recording; the real process, start to end."""
    school = make_school(tmp_path, now=datetime.now(UTC))
    unit = school.make_unit(tmp_path / "unit", tables={"timings": {"settle_s": 0.1}})
    with running_recorder(unit, {"NOTIFY_SOCKET": str(manager.path)}) as process, panel_of(unit) as panel:
        panel.wait_for("ready")
        panel.tap()
        panel.wait_for("recording")
        time.sleep(1.5)
        assert terminate(process) == 0
    assert unit.recordings()
    assert set(manager.waiting()) == {"READY=1\nSTATUS=watching the button", "WATCHDOG=1", "STOPPING=1"}


@pytest.mark.parametrize(
    ("command", "words"), [("agent", "keeping the link to the broker"), ("uploader", "following leases")]
)
def test_network_process_is_ready_and_beats_without_a_network(
    tmp_path: Path, manager: Manager, command: str, words: str
) -> None:
    """With neither broker nor controller the loop turns, and says so; told to end, it says that."""
    unit = make_school(tmp_path, now=datetime.now(UTC)).make_unit(tmp_path / "unit")
    with _running(unit, command, manager) as process:
        assert manager.next() == f"READY=1\nSTATUS={words}"
        assert [manager.next(), manager.next()] == ["WATCHDOG=1"] * 2
        process.terminate()
        assert manager.wait_for("STOPPING=1")
        assert process.wait(PATIENCE_S) == 0


def _running(unit: UnitBundle, command: str, manager: Manager) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "device.cli", command, "--config", str(unit.config)],
        env={"NOTIFY_SOCKET": str(manager.path)},
        cwd=Path(__file__).parents[3],
        stderr=subprocess.DEVNULL,
    )
