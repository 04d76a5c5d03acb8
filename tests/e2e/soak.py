"""Random kills and cuts for as long as asked: `python -m tests.e2e.soak [MINUTES] [--seed N]`. Not part of the suite.

Lessons are recorded one after the other while processes are killed and started again and the link breaks; at the end
everything must be at home, whole and once, and nothing durable lost. It prints figures, and says which seed to repeat.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from protocol.manifest import Recovered
from provisioning.demo.errors import DemoError
from tests.e2e import home
from tests.e2e.stack import EVERYBODY, HOLD_S, Stack, found_place
from tests.e2e.wire import LASTING, Fate
from tests.footage import find_footage

RATE_BPS = 20_000_000
STEP_S = 0.05
FAULTS_EVERY_S = 1.5
HOME_WITHIN_S = 300.0
SAY_EVERY_S = 30.0
WAITING = ("ready", "look_at_page", "fault")


@dataclass
class Figures:
    """What happened."""

    kills: Counter[str] = field(default_factory=Counter)
    ended: Counter[str] = field(default_factory=Counter)
    links: int = 0
    presses: int = 0
    oldest_s: float = 0.0
    """The greatest age of the newest bytes on the card when the recorder was killed while it recorded."""


@dataclass(frozen=True)
class Durable:
    """Bytes that were on the card at some moment: none of them may ever be missing from then on."""

    recording: str
    name: str
    size_bytes: int
    digest: str


class Soak:
    """One run on one stack; everything that is random comes from `chance`."""

    def __init__(self, stack: Stack, chance: random.Random, say: Callable[[str], None]) -> None:
        self._stack = stack
        self._chance = chance
        self._say = say
        self._back_at_s: dict[str, float] = {}
        self._hand: list[tuple[float, Callable[[], None]]] = []
        self._fault_at_s = 0.0
        self._lesson_ends_s = 0.0
        self.figures = Figures()
        self.recordings: set[str] = set()
        self.durable: set[Durable] = set()

    def run(self, seconds: float) -> None:
        """Let things happen for so long, then bring everything to rest."""
        end_s, say_s = time.monotonic() + seconds, time.monotonic() + SAY_EVERY_S
        while (now_s := time.monotonic()) < end_s:
            self._turn(now_s)
            if now_s > say_s:
                say_s += SAY_EVERY_S
                self._say(f"{end_s - now_s:.0f} s to go: {self.figures}")
            time.sleep(STEP_S)
        self._rest()

    def _turn(self, now_s: float) -> None:
        self._look()
        for name in [name for name, at_s in self._back_at_s.items() if at_s <= now_s]:
            del self._back_at_s[name]
            self._stack.start(name)
        if now_s >= self._fault_at_s:
            self._fault_at_s = now_s + self._chance.expovariate(1 / FAULTS_EVERY_S)
            self._break_something(now_s)
        if "recorder" not in self._back_at_s:
            self._move_hand(now_s)

    def _look(self) -> None:
        """See which recordings have begun, and which process has ended by itself; such a one is started again."""
        for name in self._stack.ended():
            self.figures.ended[name] += 1
            self._say(f"{name} ended by itself:\n{self._stack.log(name)[-1500:]}")
            self._stack.kill(name)
            self._back_at_s[name] = time.monotonic()
        for recording in self._stack.spooled():
            with suppress(FileNotFoundError):
                if b"\n" in (self._stack.school.spool / recording / "manifest").read_bytes():
                    self.recordings.add(recording)

    def _break_something(self, now_s: float) -> None:
        name = self._chance.choice((*EVERYBODY, "link"))
        if name == "link":
            self.figures.links += 1
            self._stack.wire.disturb(self._next_fate if self._chance.random() < 0.7 else lambda: LASTING)
        elif self._stack.runs(name):
            self._kill(name)
            self._back_at_s[name] = now_s + self._chance.uniform(0.0, 2.0)

    def _next_fate(self) -> Fate:
        return Fate(self._chance.randrange(10_000, 2_000_000), stalls=self._chance.random() < 0.1)

    def _kill(self, name: str) -> None:
        if name == "recorder":
            self._hand.clear()
            self._note_durable()
        self.figures.kills[name] += 1
        self._stack.kill(name)

    def _note_durable(self) -> None:
        newest_s = 0.0
        for path in self._stack.school.spool.glob("*/0*.age"):
            with suppress(FileNotFoundError):
                newest_s = max(newest_s, path.stat().st_mtime)
                data = path.read_bytes()
                digest = hashlib.sha256(data).hexdigest()
                self.durable.add(Durable(path.parent.name, path.name, len(data), digest))
        panel = self._stack.panel_if_there()
        if panel and panel.lamp == "recording" and newest_s:
            self.figures.oldest_s = max(self.figures.oldest_s, time.time() - newest_s)

    def _move_hand(self, now_s: float) -> None:
        """Do what the finger does next: press when the lamp waits, hold when the lesson has lasted long enough."""
        panel = self._stack.panel_if_there()
        if panel is None:
            return
        if self._hand:
            at_s, move = self._hand[0]
            if at_s <= now_s:
                self._hand.pop(0)
                with suppress(OSError):
                    move()
        elif panel.lamp in WAITING:
            self.figures.presses += 1
            self._hand = [(now_s, panel.down), (now_s + 0.12, panel.up), (now_s + 1.0, lambda: None)]
            self._lesson_ends_s = now_s + self._chance.uniform(1.2, 6.0)
        elif panel.lamp == "recording" and now_s > self._lesson_ends_s:
            self._hand = [(now_s, panel.down), (now_s + HOLD_S, panel.up), (now_s + HOLD_S + 0.5, lambda: None)]

    def _rest(self) -> None:
        self._say("coming to rest")
        self._stack.wire.mend()
        self._stack.start(*(name for name in EVERYBODY if not self._stack.runs(name)))
        self._stack.wait_served()
        self._stack.wait_lamp("recording", *WAITING)
        self._stack.panel.up()  # the hand may have been in the middle of a hold
        time.sleep(1.0)
        self._stack.wait("the last lesson to end", self._has_ended)
        self._look()

    def _has_ended(self) -> bool:
        """Hold the button while a recording is open; tell whether none is."""
        manifests = (self._stack.school.spool / name / "manifest" for name in self._stack.spooled())
        texts = []
        for manifest in manifests:
            with suppress(FileNotFoundError):
                texts.append(manifest.read_bytes())
        is_open = any(text and b'"line":"closed"' not in text for text in texts)
        if is_open:
            self._stack.panel.hold(HOLD_S)
            time.sleep(1.0)
        return not is_open


def check(stack: Stack, soak: Soak) -> dict[str, object]:
    """Wait until every recording is at home, check all that is promised, and give the figures."""
    began_s = time.monotonic()
    stack.wait_home(*sorted(soak.recordings), within_s=HOME_WITHIN_S)
    waited_s = time.monotonic() - began_s
    home.check_home(stack, *sorted(soak.recordings))
    for each in soak.durable:
        data = (stack.stored(each.recording) / each.name).read_bytes()[: each.size_bytes]
        assert hashlib.sha256(data).hexdigest() == each.digest, f"bytes that were durable are not at home: {each}"
    manifests = [home.held_manifest(stack, recording) for recording in soak.recordings]
    segments = [segment for manifest in manifests for segment in manifest.segments]
    size = sum(segment.ended.size_bytes for segment in segments if segment.ended)
    return {
        "recordings": len(manifests),
        "takes": sum(manifest.segments[-1].opened.take for manifest in manifests if manifest.segments),
        "segments": len(segments),
        "recovered segments": sum(isinstance(segment.ended, Recovered) for segment in segments),
        "durable files checked": len(soak.durable),
        "megabytes": round(size / 1e6, 1),
        "bytes sent per byte held": round(stack.wire.up_bytes / max(1, size), 3),
        "presses": soak.figures.presses,
        "kills": dict(soak.figures.kills),
        "kills in all": soak.figures.kills.total(),
        "ended by themselves": dict(soak.figures.ended),
        "connections cut": stack.wire.cuts,
        "oldest newest bytes at a kill, s": round(soak.figures.oldest_s, 2),
        "seconds until all was at home": round(waited_s, 1),
    }


def main() -> None:
    """Run once, and print the figures."""
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.soak", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("minutes", nargs="?", type=float, default=5.0, help="how long (5)")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6), help="repeats a run")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="backrow-soak-"))
    _say(f"seed {options.seed}, {options.minutes:g} minutes, in {folder}")
    with Stack(found_place(folder, find_footage("bigbuckbunny.mp4"), rate_bps=RATE_BPS)) as stack:
        stack.open()
        soak = Soak(stack, random.Random(options.seed), _say)  # noqa: S311 when to kill is no secret
        soak.run(options.minutes * 60)
        for name, value in check(stack, soak).items():
            _say(f"{name}: {value}")
    _say("everything is at home")


def _say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        main()
    except (AssertionError, DemoError) as error:
        sys.exit(f"failed: {error}")
