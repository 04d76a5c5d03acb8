"""`backrow controller serve` and `bridge` as processes: how they end when they cannot begin, or are told to end."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.house import House, make_house

PATIENCE_S = 60.0


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Make a controller's folders, keys and database."""
    made = make_house(tmp_path)
    yield made
    made.services.database.close()


def take_port() -> socket.socket:
    """Take a free port of loopback; whoever closes it gives it back."""
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    taken.listen()
    return taken


def start(house: House, *, people: int, units: int) -> subprocess.Popen[str]:
    """Start `serve` on two ports."""
    core = house.services.config.controller
    config = core.data.parent / "controller.toml"
    config.write_text(
        f'[controller]\ndata = "{core.data}"\nkeys = "{core.keys}"\nkey_store = "{core.key_store}"\n'
        f"[people]\nport = {people}\n[units]\nport = {units}\ntls = false\n"
    )
    command = [sys.executable, "-m", "controller.cli", "serve", "--config", str(config)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def free_port() -> int:
    """Give a port that nobody listens on now."""
    with closing(take_port()) as taken:
        return int(taken.getsockname()[1])


@pytest.mark.parametrize("table", ["people", "units"])
def test_port_that_is_taken_ends_serve_with_one_error(house: House, table: str) -> None:
    """Whichever listener cannot have its port: status 1, the field and what to do in one line, no process left."""
    with closing(take_port()) as taken:
        port = int(taken.getsockname()[1])
        process = start(house, **{"people": free_port(), "units": free_port(), table: port})
        try:
            out, err = process.communicate(timeout=PATIENCE_S)
        finally:
            process.kill()
    assert (process.returncode, out) == (1, ""), err
    assert "Traceback" not in err
    assert f"controller.toml: [{table}] host, port: 127.0.0.1:{port} cannot be listened on" in err.splitlines()[-1]


def test_serve_ends_in_order_on_sigterm(house: House) -> None:
    """It says where it serves, and a SIGTERM ends it with status 0."""
    process = start(house, people=free_port(), units=free_port())
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("Serving people on http://127.0.0.1:")
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
    assert process.returncode == 0, err


def test_bridge_without_its_certificate_ends_with_one_error(house: House) -> None:
    """What the bridge cannot prove itself with is named by file, table and key; status 1 and no traceback."""
    core = house.services.config.controller
    config = core.data.parent / "controller.toml"
    config.write_text(
        f'[controller]\ndata = "{core.data}"\nkeys = "{core.keys}"\nkey_store = "{core.key_store}"\n'
        f'[broker]\nport = {free_port()}\ntls = true\ncertificate = "none.pem"\nkey = "none.key"\n'
    )
    command = [sys.executable, "-m", "controller.cli", "bridge", "--config", str(config)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert f"{config}: [broker] certificate, key: they cannot be used for TLS" in done.stderr
