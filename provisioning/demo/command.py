"""`backrow demo`: one lesson, end to end, on this machine.

Decides what the demo does (by itself, once, or by hand) and ends it cleanly; the story itself is in `story`.
"""

from __future__ import annotations

import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path
from types import FrameType

import click

from protocol.words import load_words, mark
from provisioning.demo.broker import BrokerKind
from provisioning.demo.compare import compare
from provisioning.demo.crew import Crew, inspect_video
from provisioning.demo.errors import DemoError
from provisioning.demo.hands import Hands, raw_terminal, read_key
from provisioning.demo.school import Footage, School
from provisioning.demo.story import Story, Teller

DRAWN_SECONDS = 12


@click.command(name="demo")
@click.option(
    "--input",
    "video",
    type=click.Path(readable=False, path_type=Path),
    help="A video with H.264 that the unit's camera replays; without one the unit draws a moving picture.",
)
@click.option("--once", is_flag=True, help="Compare what is played back with what went in, then end.")
@click.option("--hands-on", is_flag=True, help="Press the button yourself: space taps, h begins and ends a hold.")
@click.option("--speed", type=click.FloatRange(0.1, 100), default=1.0, help="How fast the camera's time passes.")
@click.option("--keep", type=click.Path(path_type=Path), help="Keep everything in this new folder, to look at it.")
@click.option(
    "--broker",
    type=click.Choice(BrokerKind, case_sensitive=False),
    default=BrokerKind.AUTO,
    show_default=True,
    help="Which MQTT broker to start; auto takes a Mosquitto if there is one.",
)
def demo_command(  # noqa: PLR0913 a command has its options
    *, video: Path | None, once: bool, hands_on: bool, speed: float, keep: Path | None, broker: BrokerKind
) -> None:
    """One lesson, end to end, on this machine: press, seal, sync, play back.

    Starts a broker, the school's server and one classroom unit as real processes on loopback, presses the unit's
    (mock) button, lets the night pass, and says where to watch the lesson. Ctrl-C ends everything.
    """
    if once and hands_on:
        raise click.UsageError("--once runs by itself and --hands-on waits for you; give one of them")
    words = load_words()
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal that knows no bullets shall not end the demo
    tell = Teller(words.gettext, _write, sys.stdout.isatty())
    mode = _once if once else _hands_on if hands_on else _by_itself
    try:
        for sentence in inspect_video(video) if video else ():
            _write(f"  {sentence}\n")
        with _stop_by_signal(), _folder(keep) as folder, Crew(folder) as crew:
            mode(
                Story(
                    tell,
                    crew,
                    folder,
                    Footage(video, None if hands_on else DRAWN_SECONDS, speed),
                    words.info().get("language", "en"),
                    broker,
                )
            )
    except KeyboardInterrupt:
        with suppress(OSError):  # the terminal may be gone
            _write("\n")
            tell.say(mark("The demo has ended; no process of it is left."))
    except DemoError as error:
        raise click.ClickException(str(error)) from error


def _once(story: Story) -> None:
    """Let the story run once, and judge what is played back."""
    school = story.open_school()
    lamp = story.start_unit(school)
    with closing(lamp.panel):
        story.record(school, lamp)
    with closing(story.sign_in(school)) as viewer:
        recording = story.night(school, viewer)
        findings = compare(story.went_in(school), story.watch(viewer, recording))
    for finding in findings:
        what = story.tell.translate(finding.what)
        _write(f"  {'✓' if finding.holds else '✗'} {what}: {finding.figures}\n")
    failed = [finding.what for finding in findings if not finding.holds]
    if failed:
        raise DemoError(f"what was played back is not what went in: {', '.join(failed)}")
    story.tell.say(mark("What is played back is what went in."))


def _by_itself(story: Story) -> None:
    """Let the story run once, then leave the server up for whoever wants to watch."""
    school = story.open_school()
    lamp = story.start_unit(school)
    with closing(lamp.panel):
        story.record(school, lamp)
        with closing(story.sign_in(school)) as viewer:
            recording = story.night(school, viewer)
        _invite(story, school, str(recording["id"]))
        while True:
            story.crew.check()
            time.sleep(0.5)


def _hands_on(story: Story) -> None:
    """Give the button to the person at the terminal; the night is always on, so that lessons arrive at once."""
    if not sys.stdin.isatty():
        raise DemoError("--hands-on reads keys from a terminal, and standard input is none")
    school = story.open_school()
    panel = story.start_unit(school).panel
    with closing(panel), raw_terminal():
        story.let_night_fall(school)
        _invite(story, school)
        story.tell.say(mark("Space taps the button, h begins and ends a hold, q ends the demo."))
        hands = Hands(panel)
        while (key := read_key(0.1)) != "q":
            hands.take(key)
            _write(hands.draw(story.tell.translate(panel.words)))
            story.crew.check()
    raise KeyboardInterrupt


def _invite(story: Story, school: School, recording: str = "") -> None:
    """Say where the lesson can be watched, and by which one-time links."""
    story.tell.say(mark("Watch the lesson as Ada: {link}"), link=story.new_link(school))
    if recording:
        story.tell.say(mark("The lesson itself: {url}"), url=f"{school.url}/recordings/{recording}")
    story.tell.say(mark("See what IT sees (no lesson): {link}"), link=school.admin_link)
    story.tell.say(mark("Ctrl-C ends the demo."))


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    """Give an empty folder: the one to keep, or one that is gone afterwards."""
    folder = keep.resolve() if keep else Path(tempfile.mkdtemp(prefix="backrow-demo-"))
    if keep and folder.exists() and any(folder.iterdir()):
        raise DemoError(f"--keep {keep}: expected a new or an empty folder, found files in it")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield folder
    except DemoError as error:
        raise DemoError(f"{error}\nWhat the demo made lies in {folder}; delete it when you have looked.") from error
    except BaseException:
        _remove(folder, keep)
        raise
    _remove(folder, keep)


def _remove(folder: Path, keep: Path | None) -> None:
    if not keep:
        shutil.rmtree(folder)


@contextmanager
def _stop_by_signal() -> Iterator[None]:
    """End in order by Ctrl-C, when the terminal closes or somebody asks; a second signal does not cut that short."""

    def stop(number: int, frame: FrameType | None) -> None:
        for each in before:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    for number in before:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
