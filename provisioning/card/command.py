"""`backrow provision card` and `lay`: what was typed becomes rooms, and cards are made of them.

Passwords are asked for or read from files, never taken from the command line, where every user of the machine sees
them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import available_timezones

import click

from provisioning.card.contents import LACKING, SchoolFacts, find_own_addresses
from provisioning.card.errors import CardError
from provisioning.card.making import Card, Workshop, make_card, make_cards
from provisioning.card.placing import is_boot_partition, place
from provisioning.card.preparing import prepare_unit, spell_removal
from provisioning.card.rooms import make_room, parse_rooms
from provisioning.card.wishes import SECURITY

PROCESSORS = ("aarch64", "x86_64")
FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)
SSH_KEY = re.compile(r"(ssh-(ed25519|rsa)|ecdsa-sha2-nistp\d+|sk-[a-z0-9@.-]+) [A-Za-z0-9+/=]+( .*)?")
MADE = "Made the card of {card.room.label} (unit {card.device}) in {card.folder}"
NEXT = """\
{count} card{s}. For each: write Raspberry Pi OS Lite (trixie, 64 bit) to a card with the Imager, without its
customisation, then: backrow provision lay FOLDER BOOTFS. Delete the folders afterwards: each holds a one-time secret,
and Wi-Fi's."""
NOWHERE = """\

Warning: {addresses}: no unit finds the school there. In controller.toml [people] url, [units] url and [broker]
units_host tell units where it is. Then remove the units above, and make the cards anew:
  {remove}"""
LAID = """\
The card at {boot} is ready: unmount it, put it into the unit, and switch the unit on. It is ready when the lamp blinks
green every three seconds; how it went stands in backrow-result.txt on the same partition."""


@click.command(name="card")
@click.option("--config", required=True, type=FILE, help="The controller's controller.toml.")
@click.option("--out", required=True, type=FOLDER, help="A new folder, or the boot partition of a card.")
@click.option("--room", help="What people call the room.")
@click.option("--owner", help="The teacher whose unit it is: address or account id.")
@click.option("--csv", "rooms_file", type=FILE, help="Many rooms: columns room, owner and any option of the network.")
@click.option("--wifi", help="Name of a Wi-Fi network with a password (WPA2, WPA3).")
@click.option("--wifi-security", type=click.Choice(SECURITY), help="WPA2 (also for mixed networks) or WPA3 alone.")
@click.option("--wifi-password-file", type=FILE, help="Its password; without this option it is asked for.")
@click.option("--wifi-eap-tls", help="Name of a Wi-Fi network with certificates (802.1X, EAP-TLS).")
@click.option("--wifi-peap", help="Name of a Wi-Fi network with name and password (802.1X, PEAP-MSCHAPv2).")
@click.option("--wifi-country", help="Where the school is, for the radio: two letters.")
@click.option("--eap-identity", help="802.1X: the unit's name.")
@click.option("--eap-server", help="802.1X: how the RADIUS server's name ends.")
@click.option("--eap-ca", type=FILE, help="802.1X: the authority of the RADIUS server, PEM.")
@click.option("--eap-certificate", type=FILE, help="EAP-TLS: the unit's certificate, PEM.")
@click.option("--eap-key", type=FILE, help="EAP-TLS: its key, PEM without a password.")
@click.option("--eap-password-file", type=FILE, help="PEAP: the password; without this option it is asked for.")
@click.option("--static", help="A fixed address with its network: 10.1.2.30/24. Without it: DHCP.")
@click.option("--gateway", help="The way out of that network.")
@click.option("--dns", help="Name servers, with commas.")
@click.option("--proxy", default="", help="For Debian packages that the image lacks: http://host:port.")
@click.option("--ntp", multiple=True, help="A time server; may be repeated. Without it DHCP's or the image's.")
@click.option("--timezone", default="UTC", show_default=True, help="The school's zone, as in Europe/Madrid.")
@click.option("--ssh-key", type=FILE, help="Public keys of IT staff: account `it`. Without it nobody logs in.")
@click.option("--debs", type=FOLDER, help="Debian packages that the image lacks, for units without a mirror.")
@click.option("--set", "settings", multiple=True, help="What device.toml shall say beside: table.key=value.")
@click.option("--cache", type=FOLDER, help="Where libraries are kept between cards; else the user's cache.")
@click.option("--processor", type=click.Choice(PROCESSORS), default=PROCESSORS[0], hidden=True)
@click.option("--package", "packages", multiple=True, default=LACKING, hidden=True)
def card_command(
    *, config: Path, out: Path, rooms_file: Path | None, settings: tuple[str, ...], cache: Path | None, **typed: object
) -> None:
    """Make a room's SD card (or with --csv many rooms'): enter the unit, write what the stock image's card lacks."""
    try:
        shop = Workshop(
            prepare=partial(prepare_unit, config, settings=settings),
            config=config,
            school=_school(typed),
            cache=cache or _user_cache(),
            processor=str(typed["processor"]),
        )
        cards = _make(out, rooms_file, _wishes(typed), shop)
    except CardError as error:
        raise click.ClickException(str(error)) from None
    for card in cards:
        click.echo(MADE.format(card=card))
    remove = spell_removal(config, [card.device for card in cards])
    for addresses in {find_own_addresses(card.folder / "backrow" / "unit" / "device.toml") for card in cards} - {()}:
        click.echo(NOWHERE.format(addresses=", ".join(addresses), remove=remove), err=True)
    on_card = is_boot_partition(out)
    click.echo(LAID.format(boot=out) if on_card else NEXT.format(count=len(cards), s="s" if len(cards) > 1 else ""))


@click.command(name="lay")
@click.argument("folder", type=FOLDER)
@click.argument("boot", type=FOLDER)
def lay_command(folder: Path, boot: Path) -> None:
    """Lay a card's FOLDER onto BOOT, the mounted boot partition (bootfs) of a card with the stock image."""
    if not (folder / "backrow" / "settings.json").is_file():
        raise click.ClickException(f"{folder}: expected a folder that backrow provision card made")
    try:
        place(folder, boot)
    except CardError as error:
        raise click.ClickException(str(error)) from None
    click.echo(LAID.format(boot=boot))


def _make(out: Path, rooms_file: Path | None, wishes: Mapping[str, str], shop: Workshop) -> tuple[Card, ...]:
    if rooms_file is None:
        return (make_card(make_room(wishes, Path()), out, shop),)
    for field in ("room", "owner"):
        if wishes.get(field):
            raise CardError(field, "expected in the CSV's lines, not beside --csv")
    rooms = parse_rooms(_read_text("csv", rooms_file), name=str(rooms_file), common=wishes, folder=rooms_file.parent)
    return make_cards(rooms, out, shop)


def _wishes(typed: Mapping[str, object]) -> dict[str, str]:
    plain = {name.replace("_", "-"): str(value) for name, value in typed.items() if value and isinstance(value, str)}
    files = {
        name.replace("_", "-"): str(Path(str(typed[name])).absolute())
        for name in ("eap_ca", "eap_certificate", "eap_key")
        if typed.get(name)
    }
    wishes = plain | files
    for field, wanted in (("wifi-password", "wifi"), ("eap-password", "wifi-peap")):
        file = typed.get(f"{field.replace('-', '_')}_file")
        if file or typed.get(wanted.replace("-", "_")):  # with a CSV the network's name may stand in its lines
            wishes[field] = _password(field, file)
    return wishes


def _password(field: str, file: object) -> str:
    if isinstance(file, Path):
        return _read_text(f"{field}-file", file).rstrip("\r\n")
    return str(click.prompt(f"--{field}", hide_input=True, err=True))


def _school(typed: Mapping[str, object]) -> SchoolFacts:
    timezone, proxy, debs, keys = str(typed["timezone"]), str(typed["proxy"]), typed["debs"], typed["ssh_key"]
    if timezone not in available_timezones():
        raise CardError("timezone", f"expected a zone of the IANA list, as in Europe/Madrid; got {timezone!r}")
    found = tuple(sorted(debs.glob("*.deb"))) if isinstance(debs, Path) else ()
    if debs and not found:
        raise CardError("debs", f"{debs}: expected Debian packages (*.deb), found none")
    return SchoolFacts(
        timezone=timezone,
        ntp=tuple(_require_hosts(typed["ntp"])),
        proxy=_require_proxy(proxy),
        ssh_keys=_read_ssh_keys(keys) if isinstance(keys, Path) else (),
        packages=_texts(typed["packages"]),
        debs=found,
    )


def _texts(values: object) -> tuple[str, ...]:
    return tuple(str(each) for each in values) if isinstance(values, tuple) else ()


def _require_hosts(values: object) -> tuple[str, ...]:
    for host in _texts(values):
        if not re.fullmatch(r"[A-Za-z0-9.:-]+", host):
            raise CardError("ntp", f"expected a host's name or address, got {host!r}")
    return _texts(values)


def _require_proxy(proxy: str) -> str:
    parts = urlsplit(proxy)
    if proxy and (parts.scheme != "http" or not parts.hostname or "@" in parts.netloc):
        raise CardError("proxy", f"expected http://host:port without a name and password, got {proxy!r}")
    return proxy


def _read_ssh_keys(path: Path) -> tuple[str, ...]:
    lines = [line.strip() for line in _read_text("ssh-key", path).splitlines()]
    keys = tuple(line for line in lines if line and not line.startswith("#"))
    wrong = [line for line in keys if not SSH_KEY.fullmatch(line)]
    if wrong or not keys:
        raise CardError("ssh-key", f"{path}: expected public keys of OpenSSH, a line each")
    return keys


def _read_text(field: str, path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CardError(field, f"{path} cannot be read: {error}") from None


def _user_cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "backrow"
