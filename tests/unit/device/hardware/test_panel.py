"""The demo's door to the mock button and lamp."""

import json
import socket
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from device.hardware.panel import MockPanel, PanelFault
from device.hardware.ports import NotForProduction, Purpose, Tune, require_fit
from protocol.room.lamp import READY, RECORDING, Light

PATIENCE_S = 30.0


class Finger:
    """Remembers presses."""

    def __init__(self) -> None:
        self.moves: list[bool] = []
        self._changed = threading.Condition()

    def press(self, down: bool) -> None:  # noqa: FBT001  the panel's callback
        """Take a move."""
        with self._changed:
            self.moves.append(down)
            self._changed.notify_all()

    def wait(self, count: int) -> None:
        """Wait for so many moves."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.moves) >= count, PATIENCE_S)


class Visitor:
    """A connection to the panel, as the demo makes one."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE_S)
        self.socket.connect(str(path))
        self._lines = self.socket.makefile("rb")

    def read(self) -> dict[str, Any]:
        """The next line."""
        line = self._lines.readline()
        assert line
        return dict(json.loads(line))

    def is_closed(self) -> bool:
        """Whether the other side hangs up."""
        try:
            return self._lines.readline() == b""
        except ConnectionResetError:
            return True

    def close(self) -> None:
        """Hang up."""
        self._lines.close()
        self.socket.close()


@pytest.fixture
def finger() -> Finger:
    """A finger."""
    return Finger()


@pytest.fixture
def panel(tmp_path: Path, finger: Finger) -> Iterator[MockPanel]:
    """A panel that runs."""
    panel = MockPanel(tmp_path / "panel.sock", press=finger.press)
    panel.start()
    yield panel
    panel.stop()


@pytest.fixture
def visitor(panel: MockPanel, tmp_path: Path) -> Iterator[Visitor]:
    """Somebody who has connected and read the present state."""
    visitor = Visitor(tmp_path / "panel.sock")
    visitor.read()
    yield visitor
    visitor.close()


def test_down_and_up_move_the_button(visitor: Visitor, finger: Finger) -> None:
    """The two words are a finger, in pieces or together."""
    visitor.socket.sendall(b"do")
    visitor.socket.sendall(b"wn\nup\n down \r\n")
    finger.wait(3)
    assert finger.moves == [True, False, True]


def test_newcomer_learns_the_present_light(panel: MockPanel, tmp_path: Path) -> None:
    """Who connects late draws the right lamp at once."""
    panel.show(RECORDING, Light.RED)
    visitor = Visitor(tmp_path / "panel.sock")
    assert visitor.read() == {"pattern": "recording", "lit": [1, 0, 0], "words": RECORDING.words}
    visitor.close()


def test_every_visitor_learns_every_change(panel: MockPanel, visitor: Visitor, tmp_path: Path) -> None:
    """Several may watch; each gets each change."""
    second = Visitor(tmp_path / "panel.sock")
    assert second.read()["pattern"] == "dark"
    panel.show(READY, Light.GREEN)
    panel.show(READY, Light.DARK)
    for each in (visitor, second):
        assert [each.read()["lit"], each.read()["lit"]] == [[0, 1, 0], [0, 0, 0]]
    second.close()


def test_every_visitor_hears_every_tune(panel: MockPanel, visitor: Visitor) -> None:
    """What the mock buzzer would have played is told by name."""
    panel.hear(Tune.START)
    panel.hear(Tune.STOP)
    assert [visitor.read(), visitor.read()] == [{"tune": "start"}, {"tune": "stop"}]


def test_unknown_word_is_answered(visitor: Visitor, finger: Finger) -> None:
    """A typing mistake is told, and the panel goes on."""
    visitor.socket.sendall(b"jump\ndown\n")
    assert "expected down or up, got 'jump'" in visitor.read()["error"]
    finger.wait(1)


def test_endless_line_is_hung_up_on(visitor: Visitor) -> None:
    """Bytes without a line's end do not pile up."""
    for _ in range(3):
        visitor.socket.sendall(b"x" * 200)
    visitor.socket.shutdown(socket.SHUT_WR)
    assert visitor.is_closed()


def test_visitor_who_hangs_up_is_forgotten(panel: MockPanel, visitor: Visitor, tmp_path: Path) -> None:
    """A demo that was killed does not disturb the next one."""
    visitor.socket.shutdown(socket.SHUT_RDWR)
    panel.show(RECORDING, Light.RED)
    other = Visitor(tmp_path / "panel.sock")
    assert other.read()["pattern"] == "recording"
    other.close()


def test_visitor_who_does_not_read_does_not_hold_the_lamp_up(
    panel: MockPanel, visitor: Visitor, tmp_path: Path
) -> None:
    """Ten thousand changes into a full socket return; somebody else is told the last, and the first visitor stays."""
    for _ in range(10_000):
        panel.show(RECORDING, Light.RED)
    panel.show(READY, Light.GREEN)
    other = Visitor(tmp_path / "panel.sock")
    assert other.read()["pattern"] == "ready"
    assert visitor.read()["pattern"] == "recording"
    other.close()


def test_press_may_change_the_lamp(tmp_path: Path) -> None:
    """A press that lights the lamp on the same thread comes back through `show` without a deadlock."""
    panel = MockPanel(tmp_path / "p.sock", press=lambda down: panel.show(RECORDING, Light.RED))
    panel.start()
    visitor = Visitor(tmp_path / "p.sock")
    visitor.read()
    visitor.socket.sendall(b"down\n")
    assert visitor.read()["pattern"] == "recording"
    visitor.close()
    panel.stop()


def test_socket_is_for_this_user_only_and_goes_away(tmp_path: Path, finger: Finger) -> None:
    """Nobody else on the machine may press, and a stopped panel leaves nothing."""
    path = tmp_path / "panel.sock"
    panel = MockPanel(path, press=finger.press)
    panel.start()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    panel.stop()
    panel.stop()
    assert not path.exists()


def test_stale_socket_is_replaced(tmp_path: Path, finger: Finger) -> None:
    """A recorder that was killed left its socket behind; the next one takes its place."""
    path = tmp_path / "panel.sock"
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))
    panel = MockPanel(path, press=finger.press)
    panel.start()
    Visitor(path).close()
    panel.stop()


@pytest.mark.parametrize("name", ["x" * 120, "missing/panel.sock"])
def test_socket_that_cannot_be_is_a_fault(tmp_path: Path, finger: Finger, name: str) -> None:
    """A path too long for a socket, or in no folder, is told with the path."""
    with pytest.raises(PanelFault, match=name):
        MockPanel(tmp_path / name, press=finger.press).start()


def test_panel_is_refused_in_production(tmp_path: Path, finger: Finger) -> None:
    """A classroom unit has no door through which a program can press."""
    with pytest.raises(NotForProduction, match="MOCK panel"):
        require_fit(MockPanel(tmp_path / "p", press=finger.press), Purpose.PRODUCTION)
