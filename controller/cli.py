"""`backrow controller`: the server's commands. Reads options and files, starts what was asked for, prints for people.

Every command takes `--config controller.toml`. The three processes are `serve`, `bridge` and `jobs`; each ends cleanly
on SIGTERM and can be killed at any time.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click

from controller.config import Config, load_config
from controller.errors import OperatorError
from controller.opening import config_option, opened
from protocol.signals import call_when_told_to_end


class Group(click.Group):
    """A group that tells an operator what to do instead of showing a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; an `OperatorError` ends it with its message."""
        try:
            return super().invoke(ctx)
        except OperatorError as error:
            raise click.ClickException(str(error)) from error


@click.group(name="controller", cls=Group)
def group() -> None:
    """The school's server: pages, bridge, jobs."""


@group.command()
@config_option
def migrate(path: Path) -> None:
    """Make the database, or bring it to the form that this version needs."""
    from controller.migrations import upgrade
    from controller.wiring import open_database

    config = load_config(path)
    try:
        config.controller.data.mkdir(mode=0o750, parents=True, exist_ok=True)
    except OSError as error:
        raise OperatorError(f"{path}: [controller] data: the folder cannot be made: {error}") from None
    database = open_database(config)
    upgrade(database)
    database.close()
    click.echo(f"The database {database.engine.url.render_as_string()} is current.")


@group.command()
@config_option
def serve(path: Path) -> None:
    """Serve the pages to people and take in what units send."""
    from controller import Surface, create_app, server
    from controller.nights.line import flushing

    start_log()
    with opened(path) as services:
        config = services.config
        units = create_app(config, Surface.UNITS, services)
        finished = units.extensions["backrow-arrivals"].finish_whole()
        if finished:
            logging.getLogger(__name__).info("%d upload(s) that a crash had left whole were taken in", finished)
        listeners = {
            "people": server.people_listener(create_app(config, Surface.PEOPLE, services), config),
            "units": server.units_listener(units, config),
        }
        with flushing(services, units.extensions["backrow-line-meter"]):
            server.serve(listeners, lambda: click.echo(_serving(config)), path)


def _serving(config: Config) -> str:
    units = config.units.address
    return f"Serving people on {config.people_url} and units on {units}."


@group.command()
@config_option
def bridge(path: Path) -> None:
    """Carry messages between the broker and the database."""
    from controller.bridge.closing import Closing
    from controller.bridge.link import BridgeLink, SessionCloser
    from controller.bridge.service import Bridge
    from controller.wiring import bridge_settings

    start_log()
    with opened(path) as services:
        stop = stop_on_signal()
        settings = bridge_settings(services.config)
        link = BridgeLink(settings)
        closing = Closing(services, SessionCloser(settings), stop)
        carrier = Bridge(services, link, stop, on_stranger=closing.heard_from)
        try:
            link.start()
        except OSError as error:  # ssl.SSLError is one
            raise OperatorError(f"{path}: [broker] certificate, key: they cannot be used for TLS: {error}") from None
        failed = run_together((carrier.hear_all, carrier.send_all, closing.close_all), stop)
        link.stop()
    if failed:
        raise OperatorError("the bridge ended by a mistake of its own; the log says which")


@group.command()
@config_option
def jobs(path: Path) -> None:
    """Grant leases, issue receipts, renew policies, delete, end epochs, rotate the storage identity, read back."""
    from controller.jobs.service import make_jobs, run_jobs
    from controller.recordings.scrub import Scrubber
    from controller.uploads.incoming import IncomingStore

    start_log()
    with opened(path) as services:
        incoming = IncomingStore(services.config.controller.data / "incoming")
        stop = stop_on_signal()
        ticking = partial(run_jobs, make_jobs(services, incoming), services.clock, stop)
        failed = run_together((ticking, Scrubber(services, stop.wait).run), stop)
    if failed:
        raise OperatorError("the jobs ended by a mistake of their own; the log says which")


@group.command()
@config_option
def status(path: Path) -> None:
    """Show the disk, whether the jobs run, the units, what of the keys ends when, and who keeps epochs from ending."""
    from controller.claims.telling import tell_standstills
    from controller.devices.life_commands import tell_registry
    from controller.disk.services import tell_outlook
    from controller.epochs.commands import describe_blocked
    from controller.keys import tell_ends

    with opened(path) as services:
        click.echo(tell_outlook(services))
        click.echo(tell_standstills(services))
        click.echo(tell_registry(services))
        for words in (*tell_ends(services.keys, services.clock()), *describe_blocked(services)):
            click.echo(words)


def start_log() -> None:
    """Log to standard error, where systemd's journal or a file takes it."""
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")


def run_together(loops: Sequence[Callable[[], None]], stop: threading.Event) -> bool:
    """Run loops side by side until they end; one that fails ends all. Tell whether one failed."""
    failed = threading.Event()

    def run(loop: Callable[[], None]) -> None:
        try:
            loop()
        except Exception:
            logging.getLogger(__name__).exception("a loop failed")
            failed.set()
        finally:
            stop.set()

    threads = [threading.Thread(target=run, args=(loop,)) for loop in loops]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failed.is_set()


def stop_on_signal() -> threading.Event:
    """Give an event that SIGTERM or SIGINT sets."""
    stop = threading.Event()
    call_when_told_to_end(stop.set)
    return stop


def _attach() -> None:
    from controller.accounts.commands import add_person, admin_link, new_link, role_commands, teacher_commands
    from controller.calendar.commands import night
    from controller.consent.commands import blackout
    from controller.consent.setting_commands import consent
    from controller.devices.commands import device
    from controller.enrollment.commands import enrollment
    from controller.epochs.commands import epochs
    from controller.roster.commands import roster
    from controller.simulation.commands import simulate_night
    from controller.stick.commands import stick
    from controller.storage.commands import storage
    from controller.timetable.commands import timetable

    groups = (device, night, enrollment, epochs, storage, stick, roster, timetable, blackout, consent)
    people = (add_person, role_commands, teacher_commands, admin_link, new_link)
    for command in (*groups, *people, simulate_night):
        group.add_command(command)


_attach()

if __name__ == "__main__":
    group()
