"""First boot on a simulated card: through, and the same in the end wherever the power was cut."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from provisioning.card.making import make_card
from provisioning.card.wishes import make_network
from provisioning.firstboot.plan import Step
from provisioning.firstboot.running import run
from tests.unit.provisioning.card.samples import SECRET, fill_cache, make_shop, room
from tests.unit.provisioning.firstboot.simulated import (
    DISK,
    Card,
    PowerCut,
    Restarted,
    SimulatedMachine,
    every_file,
)

KEY = "0123456789abcdef" * 4
WIFI = {"wifi": "School", "wifi-password": KEY, "wifi-country": "ES"}
STOCK = [
    {"node": f"{DISK}p1", "start": 16384, "size": 1048576, "type": "c"},
    {"node": f"{DISK}p2", "start": 1064960, "size": 5000000, "type": "83"},
]
BATCHES = 8


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A card's files, made once."""
    folder = tmp_path_factory.mktemp("prepared")
    fill_cache(folder / "cache")
    make_card(room(network=make_network(WIFI, folder)), folder / "card", make_shop(folder / "cache"))
    ours = folder / "card/backrow"
    shutil.rmtree(ours / "program")  # the simulated machine runs the program of the tests
    next((ours / "wheels").glob("backrow-*.whl")).write_bytes(b"own")
    return folder / "card"


def make_simulated(folder: Path, prepared: Path) -> Card:
    """Lay a prepared card out as the image and `backrow provision lay` leave it."""
    shutil.copytree(prepared, folder / "boot")
    (folder / "boot/config.txt").write_text("dtparam=audio=on\n", "ascii")
    for name in ("root/etc", "root/opt", "root/var/lib", "root/etc/systemd/system"):
        (folder / name).mkdir(parents=True)
    settings = json.loads((prepared / "backrow/settings.json").read_text("utf-8"))
    card = Card(folder=folder, device=settings["device"], partitions=[dict(each) for each in STOCK])
    card.installed.add("python3-lgpio")
    return card


def start_until_through(card: Card, *, cut_at: int | None = None) -> SimulatedMachine:
    """Start again and again until first boot is through; the first start is cut at operation `cut_at`."""
    total = 0
    for _ in range(6):
        card.start()
        machine = SimulatedMachine(card, cut_at - total if cut_at else None)
        try:
            status = run(machine)
        except PowerCut:
            cut_at = None
        except Restarted:
            total += machine.operations
        else:
            assert status == 0, machine.said
            machine.operations += total
            return machine
    raise AssertionError("first boot does not come to its end")


def state_of(card: Card) -> dict[str, bytes]:
    """Give everything that lies on the card in the end, but for the unit's own key and the numbers of boots."""
    files = dict(every_file(card))
    for name in list(files):
        if name.startswith("data/firstboot/done/") or name.endswith("tls.key"):
            files[name] = b""
        if name.startswith("root/") and card.rolled_back:
            del files[name]  # memory
    return files


@pytest.fixture(scope="session")
def uncut(tmp_path_factory: pytest.TempPathFactory, prepared: Path) -> tuple[dict[str, bytes], int]:
    """What lies on a card that nobody cut, and how many operations that took."""
    card = make_simulated(tmp_path_factory.mktemp("uncut"), prepared)
    machine = start_until_through(card)
    return state_of(card), machine.operations


def test_first_boot_comes_to_its_end(tmp_path: Path, prepared: Path) -> None:
    """Two starts; every step has its mark, the services are switched on, the table has three partitions."""
    card = make_simulated(tmp_path, prepared)
    machine = start_until_through(card)
    done = {path.name for path in (card.data / "firstboot/done").iterdir()}
    assert done == {str(step) for step in Step} - {"restart"}
    assert card.boots == 2
    assert {"backrow.target", "backrow-recorder.service", "data.mount"} <= card.enabled
    assert len(card.partitions) == 3
    assert machine.at("/boot/firmware/backrow-result.txt").read_text("utf-8").endswith("This unit is ready.\n")
    assert machine.shown[-1] == ""
    assert (tmp_path / "boot/config.txt").read_text("ascii").count("include backrow.txt") == 1


def test_no_secret_stays_where_it_was_prepared(tmp_path: Path, prepared: Path) -> None:
    """The one-time secret is nowhere, Wi-Fi's key on the data partition alone, once; cloud-init's seeds are gone."""
    card = make_simulated(tmp_path, prepared)
    before = dict(every_file(card))
    assert [name for name, data in before.items() if SECRET.encode() in data] == ["boot/backrow/secret"]
    start_until_through(card)
    after = dict(every_file(card))
    assert [name for name, data in after.items() if SECRET.encode() in data] == []
    assert [name for name, data in after.items() if KEY.encode() in data] == ["data/network/school.nmconnection"]
    assert {name for name in after if name.startswith("boot/")} == {
        "boot/config.txt",
        "boot/backrow.txt",
        "boot/backrow-result.txt",
    }
    assert "lower/etc/cloud/cloud-init.disabled" in after


@pytest.fixture
def quick_folder() -> Iterator[Path]:
    """A folder in memory, where the machine has one: hundreds of cards are made and thrown away."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


@pytest.mark.parametrize("batch", range(BATCHES))
def test_power_cut_at_every_operation_ends_in_the_same_unit(
    batch: int, quick_folder: Path, prepared: Path, uncut: tuple[dict[str, bytes], int]
) -> None:
    """Cut before, in the middle of and after each write, command and removal: one key, one certificate, same files."""
    wanted, operations = uncut
    assert operations > 150
    for cut_at in range(1 + batch, operations + 1, BATCHES):
        folder = quick_folder / str(cut_at)
        card = make_simulated(folder, prepared)
        start_until_through(card, cut_at=cut_at)
        assert state_of(card) == wanted, f"cut at operation {cut_at}"
        assert list(card.bound) == [f"{SECRET}\n"]
        shutil.rmtree(folder)


def test_card_without_room_says_so_and_what_to_do(tmp_path: Path, prepared: Path) -> None:
    """A root partition that fills the card is told in words, on the card itself, and nothing is touched."""
    card = make_simulated(tmp_path, prepared)
    card.sectors = 1064960 + 5000000
    before = list(card.partitions)
    card.start()
    machine = SimulatedMachine(card)
    assert run(machine) == 1
    assert "'resize' in cmdline.txt" in machine.at("/boot/firmware/backrow-result.txt").read_text("utf-8")
    assert card.partitions == before


def test_file_system_of_an_earlier_unit_is_made_anew(tmp_path: Path, prepared: Path) -> None:
    """A card that was another unit's before, at the same place: nothing of it is believed or kept."""
    card = make_simulated(tmp_path, prepared)
    card.filesystem = "11111111-2222-3333-4444-555555555555"
    (card.data / "firstboot/done").mkdir(parents=True)
    (card.data / "firstboot/done/enroll").write_text("boot 1\n", "ascii")
    (card.data / "old").touch()
    start_until_through(card)
    assert not (card.data / "old").exists()
    assert list(card.bound) == [f"{SECRET}\n"]


def test_unit_that_fails_its_self_test_shows_a_fault_and_does_not_record(tmp_path: Path, prepared: Path) -> None:
    """The recorder is stopped, the lamp says fault, the words are on the card, and the next try may pass."""
    from provisioning.firstboot.machine import StepFailed
    from tests.unit.provisioning.firstboot import simulated

    card = make_simulated(tmp_path, prepared)
    stopped: list[str] = []

    class Failing(SimulatedMachine):
        def run(self, *command: str, given: str = "") -> str:
            if command == ("systemctl", "start", "backrow-selftest.service"):
                raise StepFailed("no camera")
            if command[:2] == ("systemctl", "stop"):
                stopped.append(command[2])
            return super().run(*command, given=given)

    card.start()
    with pytest.raises(Restarted):
        run(SimulatedMachine(card))
    card.start()
    machine = Failing(card)
    assert run(machine) == 1
    assert (machine.shown[-1], stopped) == ("fault", ["backrow-recorder.service"])
    assert "no camera" in (tmp_path / "boot/backrow-result.txt").read_text("utf-8")
    assert not (card.data / "firstboot/complete").exists()
    assert run(simulated.SimulatedMachine(card)) == 0
