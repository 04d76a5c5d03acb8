"""The commands of the unit: its three processes, and a look over the unit before they start.

Each command loads what it needs when it is called: the recorder's process never imports the network, the others never
import the camera. Errors are sentences with what to do next.
"""

from __future__ import annotations

import logging
import os
import resource
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from device.config import ConfigError, DeviceConfig, load_config
from device.notify import WatchedStop, make_notifier
from device.opening import CONFIG, config_option
from device.world import Stop
from protocol.errors import ProtocolError
from protocol.signals import call_when_told_to_end

log = logging.getLogger("device")
NOT_YET = 75
IN_USE = "the camera is in use; nothing was touched. Wait until the lamp shows that the unit is ready."
RECORDER_RUNS = (
    "the recorder holds button, lamp and camera. While the lamp shows that the unit is ready, stop it (sudo systemctl "
    "stop backrow-recorder), aim, and start it again (sudo systemctl start backrow-recorder)."
)


@click.group()
@click.option("--verbose", is_flag=True, help="Say more.")
def group(verbose: bool) -> None:  # noqa: FBT001 click hands options over by name
    """The classroom unit: recorder, agent, uploader."""
    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.INFO,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )


@group.command()
@config_option
def recorder(config: DeviceConfig) -> None:
    """Record when the button is pressed. It has no network."""
    from device.hardware.ports import HardwareError
    from device.media.errors import InputRefused
    from device.wiring.recorder import open_recorder

    _say_what_pretends(config)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # its memory holds plaintext, which no core file may carry
    try:
        with open_recorder(config) as unit:
            call_when_told_to_end(unit.terminate)
            status = unit.run(make_notifier(os.environ, time.monotonic))
    except (HardwareError, InputRefused, ProtocolError, OSError) as error:
        raise click.ClickException(str(error)) from error
    sys.exit(status)


@group.command()
@config_option
def dark(config: DeviceConfig) -> None:
    """Darken the lamp and silence the buzzer that a killed recorder left; the service manager asks for it."""
    from device.hardware.ports import HardwareError
    from device.wiring.controls import darken

    try:
        darken(config)
    except HardwareError as error:
        raise click.ClickException(str(error)) from error


@group.command()
@config_option
@click.argument("name", metavar="PATTERN")
def shine(config: DeviceConfig, name: str) -> None:
    """Show a lamp pattern that is for IT until the command is ended: what first boot says before the recorder can."""
    from device.hardware.ports import HardwareError
    from device.wiring import controls
    from protocol.room.lamp import PATTERNS, Audience

    patterns = {each.name: each for each in PATTERNS.values() if each.audience is Audience.IT}
    if name not in patterns:
        raise click.ClickException(f"PATTERN {name}: expected {', '.join(patterns)}")
    stop = threading.Event()
    call_when_told_to_end(stop.set)
    try:
        controls.shine(config, patterns[name], stop)
    except (HardwareError, OSError) as error:
        raise click.ClickException(str(error)) from error


@group.command()
@config_option
def agent(config: DeviceConfig) -> None:
    """Speak with the broker: presence, documents, health."""
    from device.agent.service import run

    _run_until_told(run, config, "keeping the link to the broker")


@group.command()
@config_option
def uploader(config: DeviceConfig) -> None:
    """Deliver sealed recordings under a lease."""
    from device.uploads.service import run

    _run_until_told(run, config, "following leases")


@group.command()
@config_option
@click.option("--secret-file", type=click.Path(path_type=Path, dir_okay=False), help="The unit's one-time secret.")
@click.option("--new-key", is_flag=True, help="Make a new TLS key, and join anew with it.")
@click.option("--patience", type=click.FloatRange(min=0), help="Give up after so many seconds; else never.")
def enroll(config: DeviceConfig, secret_file: Path | None, new_key: bool, patience: float | None) -> None:  # noqa: FBT001
    """Join the school: make the unit's keys and get its certificate, by a secret or by a person's adoption.

    Can be stopped, or lose its power, at any time, and be run again; on an enrolled unit it looks whether all is well.
    Exit status 75: not yet, and why.
    """
    from device.enrollment.command import EnrollmentRefused, Wishes, enroll, real_workshop
    from device.world import REAL_WORLD

    os.umask(0o007)  # agent and uploader share what is made here with their group's right
    stop = threading.Event()
    call_when_told_to_end(stop.set)
    wishes = Wishes(new_key=new_key, patience_s=patience)
    try:
        done = enroll(config, wishes, stop, real_workshop(REAL_WORLD, click.echo), secret_file)
    except (EnrollmentRefused, ProtocolError, OSError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    click.echo("The unit is enrolled." if done else "The unit is not enrolled yet; run the command again.")
    sys.exit(0 if done else NOT_YET)


@group.command()
@config_option
@click.option("--now", is_flag=True, help="Renew also when it is not due yet.")
@click.option("--new-key", is_flag=True, help="Replace the TLS key, too (as root): somebody may have a copy of it.")
def renew(config: DeviceConfig, now: bool, new_key: bool) -> None:  # noqa: FBT001 click hands options over by name
    """Renew the unit's certificate when two thirds of its life are over.

    Exit status 1: it failed and is still good; 75: it failed and is over (or nobody can tell), so that the
    unit delivers nothing.
    """
    from device.enrollment.command import (
        NotEnrolled,
        RenewalFailed,
        real_workshop,
        renew_key,
        renew_now,
        renew_when_due,
    )
    from device.world import REAL_WORLD

    os.umask(0o027)
    work = renew_key if new_key else renew_now if now else renew_when_due
    try:
        work(config, real_workshop(REAL_WORLD, click.echo))
    except RenewalFailed as failed:
        click.echo(f"Error: {failed}", err=True)
        sys.exit(NOT_YET if failed.presses else 1)
    except (NotEnrolled, ProtocolError, OSError, ValueError) as error:
        raise click.ClickException(str(error)) from error


@group.command(name="new-recorder-key")
@config_option
def new_recorder_key(config: DeviceConfig) -> None:
    """Replace the key that signs recordings (as root, with the recorder stopped and nothing left in the spool)."""
    from device.enrollment.command import NotEnrolled, Refused, SuccessionRefused, real_workshop, replace_recorder_key
    from device.uploads.client import LinkError
    from device.world import REAL_WORLD

    os.umask(0o007)
    try:
        replace_recorder_key(config, real_workshop(REAL_WORLD, click.echo))
    except (SuccessionRefused, NotEnrolled, Refused, LinkError, ProtocolError, OSError, ValueError) as error:
        raise click.ClickException(str(error)) from error


@group.command()
@click.option("--config", "path", type=click.Path(path_type=Path, dir_okay=False), default=CONFIG, show_default=True)
@click.option(
    "--network",
    type=click.Path(path_type=Path, file_okay=False),
    help="A folder with the network's passwords and keys, to be emptied last; /data/network on an installed unit.",
)
def wipe(path: Path, network: Path | None) -> None:
    """Erase keys, certificate and records of a retired unit, once nothing is left to deliver (as root)."""
    from device.retirement import WipeRefused, finish_wipe
    from device.retirement import wipe as perform_wipe

    try:
        if not finish_wipe(path):
            perform_wipe(load_config(path), path, network=network)
    except (WipeRefused, ConfigError, ProtocolError, OSError) as error:
        raise click.ClickException(str(error)) from error
    left = "" if network else " Passwords and keys of the network were not looked for: no --network was named."
    click.echo(f"This unit is wiped. It returns only with a new card.{left}")


@group.command()
@config_option
def check(config: DeviceConfig) -> None:
    """Look over configuration, keys and documents, and say what is wrong."""
    from device.asked import believed_now
    from device.check import check_unit
    from device.hardware.clock import SystemClock

    findings = list(check_unit(config, believed_now(config.data / "recorder", SystemClock())))
    for finding in findings:
        click.echo(f"wrong  {finding.what}: {finding.problem}" if finding.problem else f"ok     {finding.what}")
    wrong = [finding for finding in findings if finding.problem and finding.what not in config.pretends]
    if wrong:
        raise click.ClickException(f"{len(wrong)} of {len(findings)} things are wrong with unit {config.device.label}")


@group.command(name="config")
@config_option
def read_config(config: DeviceConfig) -> None:
    """Read device.toml alone, and say whose it is or what is wrong with it; keys and documents are not looked at."""
    click.echo(f"The configuration of unit {config.device.id} ({config.device.label}) can be used.")


@group.command()
@config_option
@click.option("--json", "as_json", is_flag=True, help="For a script: one JSON object.")
def health(config: DeviceConfig, as_json: bool) -> None:  # noqa: FBT001 click hands options over by name
    """Say how the machine is now and how it was in the last seven days; exit status 1 when it is unfit."""
    from device.health.command import look

    text, fit = look(config, as_json=as_json)
    click.echo(text)
    sys.exit(0 if fit else 1)


@group.command()
@config_option
@click.option("--json", "as_json", is_flag=True, help="For a script: one JSON object.")
def selftest(config: DeviceConfig, as_json: bool) -> None:  # noqa: FBT001 click hands options over by name
    """Test the unit with a drawn picture; exit status 1 with a fault, 75 when the unit is in use."""
    from device.selftest.command import run_selftest

    try:
        text, status = run_selftest(config, as_json=as_json)
    except OSError as error:
        raise click.ClickException(f"the self-test cannot keep its outcome: {error}") from error
    click.echo(text)
    sys.exit(status)


@group.command()
@config_option
def aim(config: DeviceConfig) -> None:
    """Show the picture on the unit's own screen after a press, to point the camera; it stores nothing."""
    from device.aim import Aim, run_aim
    from device.aiming import open_aim

    with _at_the_unit(config) as stop, open_aim(config) as parts:
        sys.exit(run_aim(Aim(parts, stop, click.echo)))


@group.group()
def mask() -> None:
    """What is hidden of this unit's pictures (docs/protocol/masks.md)."""


@mask.command()
@config_option
def confirm(config: DeviceConfig) -> None:
    """Show the picture with the room's mask on the unit's own screen; a hold of two seconds confirms it."""
    from device.aim import run_aim
    from device.aiming import open_confirm

    with _at_the_unit(config) as stop, open_confirm(config, stop, click.echo) as sitting:
        sys.exit(run_aim(sitting))


@contextmanager
def _at_the_unit(config: DeviceConfig) -> Iterator[Stop]:
    """Say what pretends, end when told to, and tell what stands in the way of holding the unit's parts."""
    from device.claims import CAMERA, is_claimed
    from device.hardware.ports import HardwareError, PartsClaimed

    _say_what_pretends(config)
    stop = threading.Event()
    call_when_told_to_end(stop.set)
    try:
        yield stop
    except PartsClaimed:
        in_use = is_claimed(config.data / "recorder" / CAMERA)
        raise click.ClickException(IN_USE if in_use else RECORDER_RUNS) from None
    except (HardwareError, ProtocolError, OSError) as error:
        raise click.ClickException(str(error)) from error


@group.command()
@config_option
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The file to write.")
def draw(config: DeviceConfig, out: Path) -> None:
    """Write what the synthetic camera of this unit shows into a plain file, to compare a recording with."""
    from device.hardware.ports import CameraFault
    from device.media.drawing import write_drawing
    from device.wiring.sources import make_drawing_camera

    try:
        write_drawing(make_drawing_camera(config), out)
    except (CameraFault, OSError) as error:
        raise click.ClickException(str(error)) from error


@group.command()
@click.argument("file", type=click.Path(readable=False, path_type=Path))
def inspect(file: Path) -> None:
    """Say what a recording of a video file would hold, or why there can be none."""
    from device.media.errors import InputRefused
    from device.media.inspection import look_through

    try:
        for sentence in look_through(file):
            click.echo(sentence)
    except (InputRefused, OSError) as error:
        raise click.ClickException(str(error)) from error


@group.command()
@config_option
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="card.svg or card.pdf")
@click.option("--language", default="en", show_default=True, help="The language of the card: en, es.")
@click.option("--paper", type=click.Choice(["a4", "letter"]), default="a4", show_default=True, help="The sheet.")
@click.option("--page", default="", help="The address of the school's pages, else [controller] page.")
def card(config: DeviceConfig, out: Path, language: str, paper: str, page: str) -> None:
    """Write the card that hangs beside the lamp: what it says, and what a hand can do."""
    from device.card import CardRefused, CardWishes, store_card
    from protocol.room.drawing import Paper

    wishes = CardWishes(language=language, paper=Paper[paper.upper()], page=page)
    try:
        store_card(config, out, wishes)
    except (CardRefused, OSError) as error:
        raise click.ClickException(str(error)) from error
    if not (page or config.controller.page):
        click.echo("The card has no QR code: name the school's pages with --page or [controller] page.", err=True)


def _say_what_pretends(config: DeviceConfig) -> None:
    for part in config.pretends:
        log.warning("NOT A REAL CLASSROOM UNIT: %s only pretends", part)


def _run_until_told(run: Callable[[DeviceConfig, Stop], None], config: DeviceConfig, words: str) -> None:
    stop = threading.Event()
    call_when_told_to_end(stop.set)
    try:
        run(config, WatchedStop(stop, make_notifier(os.environ, time.monotonic), words))
    except (ProtocolError, OSError, ValueError) as error:
        raise click.ClickException(str(error)) from error


def _attach() -> None:
    from device.stick.commands import stick

    group.add_command(stick)


_attach()

if __name__ == "__main__":
    group()
