"""Making cards: what lies on one, that nothing lasting is secret, and that a failure leaves nothing behind."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from provisioning.card.contents import SchoolFacts, find_own_addresses
from provisioning.card.errors import CardError
from provisioning.card.making import Workshop, make_card, make_cards
from provisioning.card.placing import place
from provisioning.card.rooms import Room
from provisioning.card.wishes import make_network
from tests.unit.provisioning.card.samples import PASSPHRASE, SECRET, fill_cache, make_shop, room, write_unit

STOCK_LINE = "console=serial0,115200 console=tty1 root=PARTUUID=7351b90c-02 rootfstype=ext4 rootwait resize quiet\n"


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    """A workshop whose libraries were fetched before."""
    fill_cache(tmp_path / "cache")
    return make_shop(tmp_path / "cache")


def make_boot_partition(folder: Path) -> Path:
    """Lay out a boot partition as the Imager leaves it."""
    folder.mkdir()
    (folder / "cmdline.txt").write_text(STOCK_LINE, "ascii")
    (folder / "config.txt").write_text("dtparam=audio=on\n", "ascii")
    (folder / "user-data").write_text("#cloud-config\n#hostname: raspberrypi\n", "ascii")
    return folder


def everything(folder: Path) -> dict[str, bytes]:
    """Read every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_card_holds_what_first_boot_needs(tmp_path: Path, shop: Workshop) -> None:
    """cloud-init's three files, the program, wheels with their lock, the unit's bundle, network and settings."""
    card = make_card(room(), tmp_path / "card", shop)
    files = everything(tmp_path / "card")
    assert {name.split("/")[0] for name in files} == {"backrow", "meta-data", "network-config", "user-data"}
    assert {
        "backrow/begin",
        "backrow/backrow-firstboot.service",
        "backrow/program/provisioning/firstboot/__main__.py",
        "backrow/program/protocol/durable.py",
        "backrow/wheels/card.txt",
        "backrow/unit/device.toml",
        "backrow/unit/identity/root.pub",
        "backrow/unit/state/keyring",
        "backrow/network/school.nmconnection",
        "backrow/secret",
    } <= set(files)
    assert [name for name in files if name.startswith("backrow/wheels/backrow-")]
    assert json.loads(files["backrow/settings.json"])["device"] == card.device


def test_cloud_init_makes_no_password_and_calls_first_boot_at_every_start(tmp_path: Path, shop: Workshop) -> None:
    """`bootcmd`, for `runcmd` is lost by a power cut; nobody can log in; the root partition is not grown."""
    card = make_card(room(), tmp_path / "card", shop)
    text = (tmp_path / "card/user-data").read_text("utf-8")
    data = yaml.safe_load(text)
    assert text.startswith("#cloud-config\n")
    assert data["bootcmd"] == [["sh", "/boot/firmware/backrow/begin"]]
    assert (data["users"], data["ssh_pwauth"]) == ([], False)
    assert (data["growpart"], data["resize_rootfs"]) == ({"mode": "off"}, False)
    assert data["hostname"] == "backrow-room-12"
    meta = yaml.safe_load((tmp_path / "card/meta-data").read_text("utf-8"))
    assert meta == {"dsmode": "local", "instance-id": f"backrow-{card.device}"}


def test_nothing_that_lasts_and_is_secret_lies_on_a_card(tmp_path: Path, shop: Workshop) -> None:
    """The one-time secret stands in one file; no private key, no passphrase of Wi-Fi, stands in any."""
    wishes = {"wifi": "School", "wifi-password": PASSPHRASE, "wifi-country": "ES"}
    make_card(room(network=make_network(wishes, tmp_path)), tmp_path / "card", shop)
    files = everything(tmp_path / "card")
    assert [name for name, data in files.items() if SECRET.encode() in data] == ["backrow/secret"]
    assert [name for name, data in files.items() if PASSPHRASE.encode() in data] == []
    assert [name for name, data in files.items() if b"PRIVATE KEY" in data] == []
    assert [name for name in files if name.endswith((".key", "secret"))] == ["backrow/secret"]


def test_boot_partition_loses_the_word_that_would_take_its_room(tmp_path: Path, shop: Workshop) -> None:
    """`resize` leaves cmdline.txt, every other word and file stays, and a second unit is refused."""
    boot = make_boot_partition(tmp_path / "bootfs")
    make_card(room(), boot, shop)
    assert (boot / "cmdline.txt").read_text("ascii").split() == [w for w in STOCK_LINE.split() if w != "resize"]
    assert (boot / "config.txt").read_text("ascii") == "dtparam=audio=on\n"
    assert "bootcmd" in (boot / "user-data").read_text("utf-8")
    with pytest.raises(CardError, match="another unit"):
        make_card(room(), boot, shop)


def test_folder_of_a_card_is_laid_onto_a_card_later(tmp_path: Path, shop: Workshop) -> None:
    """A folder laid onto a boot partition is what a card written at once would be."""
    make_card(room(), tmp_path / "card", shop)
    boot = make_boot_partition(tmp_path / "bootfs")
    place(tmp_path / "card", boot)
    assert everything(boot).items() >= everything(tmp_path / "card").items()
    with pytest.raises(CardError, match="is it mounted"):
        place(tmp_path / "card", tmp_path / "card")


def test_folder_with_anything_in_it_is_refused_before_a_unit_is_entered(tmp_path: Path, shop: Workshop) -> None:
    """Nothing is entered for a card that cannot be written."""
    entered: list[Room] = []
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "photo.jpg").touch()
    asking = replace(shop, prepare=lambda wanted, _out: entered.append(wanted))
    with pytest.raises(CardError, match="new or empty"):
        make_card(room(), tmp_path / "full", asking)
    assert entered == []


def test_many_cards_are_made_or_none(tmp_path: Path, shop: Workshop) -> None:
    """When the third room fails, no folder stays, and the units that were entered before are named."""
    rooms = [room(f"Room {number}") for number in range(3)]
    cards = make_cards(rooms, tmp_path / "all", shop)
    assert sorted(path.name for path in (tmp_path / "all").iterdir()) == ["Room-0", "Room-1", "Room-2"]
    assert len({card.device for card in cards}) == 3

    def fail_at_the_last(wanted: Room, out: Path | None) -> None:
        if out is None:
            return
        if wanted.label == "Room 2":
            raise CardError("", "the controller says: no account has this id")
        write_unit(out, device="b" * 25 + "a" if wanted.label == "Room 0" else "c" * 25 + "a")

    with pytest.raises(CardError, match=r"no account(.|\n)*b{25}a \(Room 0\), c{25}a \(Room 1\)"):
        make_cards(rooms, tmp_path / "none", replace(shop, prepare=fail_at_the_last))
    assert list((tmp_path / "none").iterdir()) == []
    with pytest.raises(CardError, match=r"device remove --config 'the school.toml' b{25}a c{25}a"):
        make_cards(rooms, tmp_path / "none", replace(shop, prepare=fail_at_the_last, config=Path("the school.toml")))


def test_owner_that_the_controller_does_not_know_enters_nobody(tmp_path: Path, shop: Workshop) -> None:
    """Every owner is asked about before the first unit is entered."""
    entered: list[str] = []

    def know_only_ana(wanted: Room, out: Path | None) -> None:
        if wanted.owner != "ana@school.example":
            raise CardError("", f"room {wanted.label}: the controller says: no account has this id")
        if out is not None:
            entered.append(write_unit(out))

    rooms = [room("Room 1"), replace(room("Room 2"), owner="bob@school.example")]
    with pytest.raises(CardError, match="Room 2"):
        make_cards(rooms, tmp_path / "none", replace(shop, prepare=know_only_ana))
    assert entered == []
    assert not (tmp_path / "none").exists()


def test_packages_of_debian_ride_along(tmp_path: Path, shop: Workshop) -> None:
    """Given Debian packages lie on the card, and a card without them says which the unit fetches itself."""
    deb = tmp_path / "overlayroot_0.18_all.deb"
    deb.write_bytes(b"deb")
    school = SchoolFacts(timezone="UTC", debs=(deb,), ntp=("ntp.school.example",))
    make_card(room(), tmp_path / "card", replace(shop, school=school))
    files = everything(tmp_path / "card")
    assert files[f"backrow/debs/{deb.name}"] == b"deb"
    settings = json.loads(files["backrow/settings.json"])
    assert settings["packages"] == ["overlayroot", "python3-picamera2", "python3-lgpio"]
    assert settings["ntp"] == ["ntp.school.example"]


def test_first_boot_runs_on_the_images_python_alone(tmp_path: Path, shop: Workshop) -> None:
    """Everything of the program on the card is imported with nothing but the standard library beside it."""
    import subprocess

    make_card(room(), tmp_path / "card", shop)
    program = tmp_path / "card/backrow/program"
    modules = [
        f"provisioning.firstboot.{path.stem}"
        for path in (program / "provisioning/firstboot").glob("*.py")
        if not path.stem.startswith("__")
    ]
    script = f"import sys; sys.path.insert(0, {str(program)!r})\nimport {', '.join(sorted(modules))}"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(modules) >= 6


@pytest.mark.parametrize("end", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_card_that_cannot_be_finished_is_told_in_words_with_its_unit(
    tmp_path: Path, shop: Workshop, end: BaseException
) -> None:
    """A full disk and Ctrl-C leave no folder and no secret; the unit that was entered in vain is named."""
    entered: list[str] = []

    def enter_and_fail_at_the_second(wanted: Room, out: Path | None) -> None:
        if out is not None and len(entered) == 1:
            raise end
        if out is not None:
            entered.append(write_unit(out))

    failing = replace(shop, prepare=enter_and_fail_at_the_second)
    with pytest.raises(CardError, match=r"(No space left|interrupted)") as refused:
        make_cards([room("Room 1"), room("Room 2")], tmp_path / "all", failing)
    assert f"{entered[0]} (Room 1)" in str(refused.value)
    assert list((tmp_path / "all").iterdir()) == []


def test_unit_is_named_whose_only_card_cannot_be_written(tmp_path: Path, shop: Workshop) -> None:
    """Whoever sees the refusal also learns which pending unit has no card."""
    entered: list[str] = []
    missing = SchoolFacts(timezone="UTC", debs=(tmp_path / "gone.deb",))
    failing = replace(shop, school=missing, prepare=lambda _room, out: entered.append(write_unit(out)) if out else None)
    with pytest.raises(CardError, match=r"gone\.deb: No such file") as refused:
        make_card(room(), tmp_path / "card", failing)
    assert entered[0] in str(refused.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache"]


def test_card_that_fills_up_is_told_in_one_line(tmp_path: Path, shop: Workshop) -> None:
    """Of many files that cannot be written the first is named, and what to do with the card."""
    make_card(room(), tmp_path / "card", shop)
    boot = make_boot_partition(tmp_path / "bootfs")
    for name in ("meta-data", "network-config"):
        (boot / name).mkdir()  # stand for what cannot be written
    with pytest.raises(CardError, match=r"cannot be written: .*Is a directory.*anew") as refused:
        place(tmp_path / "card", boot)
    assert ("meta-data" in str(refused.value)) != ("network-config" in str(refused.value))


@pytest.mark.parametrize("where", ["out", "cache"])
def test_place_that_cannot_be_written_is_named(tmp_path: Path, shop: Workshop, where: str) -> None:
    """A file in the place of a folder is told as what it is, before a unit is entered."""
    (tmp_path / "file").touch()
    entered: list[str] = []
    asking = replace(shop, prepare=lambda _room, out: entered.append(str(out)))
    if where == "cache":
        asking = replace(asking, cache=tmp_path / "file")
    with pytest.raises(CardError, match="file"):
        make_card(room(), tmp_path / ("card" if where == "cache" else "file/card"), asking)
    assert entered == []


def test_address_that_means_the_unit_itself_is_found(tmp_path: Path) -> None:
    """A school whose server was told no address but loopback would hand out cards that never join."""
    path = tmp_path / "device.toml"
    school = '[enrollment]\nurl = "https://{0}:443"\n[controller]\nurl = "https://{0}:8443"\n[broker]\nhost = "{0}"\n'
    path.write_text(school.format("backrow.school.example"), "utf-8")
    assert find_own_addresses(path) == ()
    path.write_text(school.format("127.0.0.1"), "utf-8")
    assert find_own_addresses(path) == (
        "[enrollment] url = https://127.0.0.1:443",
        "[controller] url = https://127.0.0.1:8443",
        "[broker] host = 127.0.0.1",
    )
    path.write_text('[controller]\nurl = "https://0.0.0.0:8443"\n[enrollment]\nurl = "https://[::]"\n', "utf-8")
    assert len(find_own_addresses(path)) == 2
    path.write_text('[device]\nid = "a"\n', "utf-8")
    assert find_own_addresses(path) == ()
