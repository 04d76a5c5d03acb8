"""What a unit says of itself: its board, from the device tree and within its sandbox; nothing where there is none."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from device.counters import count
from device.identity import DocumentStore, load_root
from device.uploads.endpoints import Endpoints
from device.uploads.inbox import Inbox
from device.uploads.introduction import DEVICE_TREE, introduce, load_board
from protocol.board import Board
from protocol.durable import REAL
from tests.unit.device.uploads.conftest import NOW, Night
from tests.unit.systemd.units import service_of


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A Pi's device tree, as its kernel shows it: texts that end with a null."""
    folder = tmp_path / "base"
    folder.mkdir()
    (folder / "model").write_bytes(b"Raspberry Pi 5 Model B Rev 1.0\0")
    (folder / "serial-number").write_bytes(b"10000000a1b2c3d4\0")
    return folder


def test_counters_and_board_go_with_the_request_for_documents(night: Night, tree: Path) -> None:
    """Two headers, which the controller reads."""
    state, root = night.unit.data / "state", load_root(night.unit.data / "identity")
    store = DocumentStore(state, device=night.unit.device, root=root, files=REAL)
    count(state, birth=7, boot="5f0c", now=NOW)
    Inbox(Endpoints(night.client), store, partial(introduce, state, tree)).fetch_documents()
    (asked,) = night.ingest.asked
    assert asked.counters.startswith("birth=7, ")
    assert asked.board == 'model="Raspberry Pi 5 Model B Rev 1.0", serial="10000000a1b2c3d4"'


def test_machine_without_a_device_tree_says_nothing_of_its_board(tmp_path: Path) -> None:
    """A PC: nothing is made up, and what the release can is all that is said."""
    assert load_board(tmp_path / "base") is None
    assert introduce(tmp_path, tmp_path / "base") == {"Backrow-Abilities": "hides_areas, omits_sound"}


@pytest.mark.parametrize(("lacking", "left"), [("model", ("", "10000000a1b2c3d4")), ("serial-number", None)])
def test_one_text_that_is_missing_takes_not_the_other_away(
    tree: Path, lacking: str, left: tuple[str, str] | None
) -> None:
    """A virtual machine has a model and no number."""
    (tree / lacking).unlink()
    model, serial = left or ("Raspberry Pi 5 Model B Rev 1.0", "")
    assert load_board(tree) == Board(model=model, serial=serial)


def test_text_without_an_end_is_not_read_to_its_end(tree: Path) -> None:
    """What stands there is read up to a limit, and is said in a header's length."""
    (tree / "model").write_bytes(b"\xff" * 10_000_000)
    found = load_board(tree)
    assert found is not None
    assert found.model == "?" * 120


def test_sandbox_shows_the_device_tree() -> None:
    """It lies in /sys, which `ProtectKernelTunables=` makes read-only and no directive hides; /proc is hidden."""
    service = service_of("backrow-uploader.service")
    hiding = {"InaccessiblePaths", "TemporaryFileSystem", "RootDirectory", "RootImage"}
    assert DEVICE_TREE.is_relative_to("/sys")
    assert service["ProcSubset"] == "pid"
    assert hiding & set(service) == set()
