"""The runbook of a new room: every row of its tables of options makes a card at a real controller's command line.

What is not made here is the unit: the libraries of the card are two files that hold nothing, so that no test waits for
PyPI, and nothing is started from the card (tests/boot does that with real ones).
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

from provisioning.demo.school import School, found_school, pick_ports
from tests.e2e.typed import RUNBOOKS
from tests.unit.provisioning.card.samples import fill_cache, write_certificates

PAGE = (RUNBOOKS / "new-room.md").read_text("utf-8")
BLOCK = re.compile(r"^```\n(backrow provision card .*?)^```$", re.MULTILINE | re.DOTALL)
ROW = re.compile(r"^\| ([^|]+) \| `(--[^`]+)`", re.MULTILINE)
NAMED_ON_CARD = r"--(?:static|gateway|wifi|wifi-eap-tls|wifi-peap|eap-identity|eap-server|ntp|proxy) (\S+)"
PASSWORD = "a password of the network"
TYPED = {"--wifi ": "--wifi-password-file password", "--wifi-peap": "--eap-password-file password"}
"""Options that ask for a password: the page names the other way for the first, the second's is alike."""


def rows() -> dict[str, str]:
    """Give the options of each row of the page's tables, by its words; packages of Debian are no matter of these."""
    found = {words: options for words, options in ROW.findall(PAGE) if options != "--debs FOLDER"}
    assert len(found) >= 7, found
    return found


@dataclass(frozen=True)
class Desk:
    """Somebody's desk at the server: a school, certificates of its network, a shell."""

    school: School
    folder: Path

    def card(self, *words: str, out: str = "room-12") -> str:
        """Make a card as the page says, with more words behind; give what was shown."""
        (block,) = BLOCK.findall(PAGE)
        command = block.replace("\\\n", " ").strip().replace("--out room-12", f"--out {out}")
        command = command.replace("ana@school.example", "ada@school.example")
        return self.type(f"{command} --cache cache {' '.join(words)}")

    def type(self, command: str) -> str:
        """Type a command that must succeed."""
        environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        done = subprocess.run(
            ["bash", "-euc", command], cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def units(self) -> dict[str, str]:
        """Give the state of each unit that the controller knows, by its label."""
        told = json.loads(self.type("backrow controller device list --config controller.toml --all --json"))
        return {unit["label"]: unit["state"] for unit in told}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A school that was founded, and what the rows' options name."""
    folder = tmp_path_factory.mktemp("desk")
    school = found_school(folder, pick_ports(), "en")
    fill_cache(folder / "cache")
    write_certificates(folder)
    (folder / "password").write_text(f"{PASSWORD}\n", "utf-8")
    (folder / "keys.pub").write_text("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGVhc3R3ZXN0 it\n", "ascii")
    return Desk(school, folder)


def files_of(folder: Path) -> str:
    """Give all that a card's cloud-init files and settings say."""
    named = [folder / name for name in ("user-data", "network-config", "backrow/settings.json")]
    return "\n".join(path.read_text("utf-8") for path in named)


@pytest.mark.parametrize("words", rows())
def test_options_of_a_row_make_a_card(desk: Desk, words: str, tmp_path: Path) -> None:
    """Each is taken as it stands there, and what it names is on the card."""
    options = rows()[words]
    more = [typed for beginning, typed in TYPED.items() if options.startswith(beginning.strip() + " ")]
    out = tmp_path / "card"
    shown = desk.card(options, *more, out=str(out))
    assert "1 card." in shown
    on_card = files_of(out)
    values = re.findall(NAMED_ON_CARD, options)
    assert values or "--ssh-key" in options
    for value in values:
        assert value in on_card
    assert tomllib.loads((out / "backrow" / "unit" / "device.toml").read_text())["device"]["label"] == "Room 12"


def test_wpa3_alone_is_said_by_the_option_in_its_row(desk: Desk, tmp_path: Path) -> None:
    """The page's words in brackets beside WPA2's: the card asks for SAE and for nothing else."""
    (more,) = re.findall(r"\(WPA3 alone: `(--[^`]+)`\)", PAGE)
    (options,) = (options for options in rows().values() if options.startswith("--wifi "))
    desk.card(options, more, "--wifi-password-file password", out=str(tmp_path / "card"))
    assert "sae" in files_of(tmp_path / "card")


def test_card_is_laid_onto_a_boot_partition_at_once(desk: Desk, tmp_path: Path) -> None:
    """`--out BOOTFS`, and `lay` of a folder, do the same to a stock card: `resize` goes, everything else stays."""
    for name in ("one", "two"):
        boot = tmp_path / name
        boot.mkdir()
        (boot / "cmdline.txt").write_text("console=tty1 root=PARTUUID=0-02 rootwait resize\n", "ascii")
        (boot / "config.txt").write_text("dtparam=audio=on\n", "ascii")
    shown = desk.card(out=str(tmp_path / "one"))
    assert "is ready: unmount it" in shown
    desk.card(out="room-12")
    assert "is ready: unmount it" in desk.type(f"backrow provision lay room-12 {tmp_path / 'two'}")
    for boot in (tmp_path / "one", tmp_path / "two"):
        assert (boot / "cmdline.txt").read_text() == "console=tty1 root=PARTUUID=0-02 rootwait\n"
        assert (boot / "config.txt").read_text() == "dtparam=audio=on\n"
        assert (boot / "backrow" / "secret").exists()


def test_many_rooms_are_made_and_the_one_in_vain_is_removed(desk: Desk, tmp_path: Path) -> None:
    """`--csv` with an option of the network as a column; a card that nobody will use is taken back as the page says."""
    (desk.folder / "rooms.csv").write_text(
        "room,owner,static,gateway,dns\n"
        "Room 21,ada@school.example,10.1.2.21/24,10.1.2.1,10.1.2.1\n"
        "Room 22,ada@school.example,,,\n",
        "utf-8",
    )
    common = "backrow provision card --config controller.toml --cache cache --timezone Europe/Madrid"
    assert "2 cards." in desk.type(f"{common} --csv rooms.csv --out {tmp_path / 'all'}")
    assert "10.1.2.21/24" in files_of(tmp_path / "all" / "Room-21")
    assert "10.1.2.21" not in files_of(tmp_path / "all" / "Room-22")
    (remove,) = re.findall(r"`(backrow controller device remove [^`]*)`", PAGE)
    desk.type(remove.replace("Room 12", "Room 22"))
    states = desk.units()
    assert (states["Room 21"], states["Room 22"]) == ("pending", "removed")


def test_card_that_looks_for_the_school_at_itself_says_how_to_begin_again(desk: Desk, tmp_path: Path) -> None:
    """The warning names the units' removal as it can be pasted."""
    shown = desk.card(out=str(tmp_path / "card"))
    (remove,) = re.findall(r"^  (backrow controller device remove .*)$", shown, re.MULTILINE)
    assert "no unit finds the school there" in shown
    assert "is removed" in desk.type(remove)
