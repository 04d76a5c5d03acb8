"""`python -m tests.attacks [units]`: attacks with figures; how soon a revoked unit is out of broker and controller.

Prints what docs/FAULTS.md tells. The suite does the same attacks without the times: nothing here asserts on a clock.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import requests

from protocol.pki import issue_issuing_authority, issue_root_authority
from tests.attacks import topics, urls
from tests.broker import PATIENCE_S
from tests.house import make_house
from tests.mqtt_wire import Wire
from tests.revoking import Stand, Unit, school_that_revokes
from tests.school_broker import school_broker

ATTEMPTS = 10_000
UNITS = 40


def attack_topics() -> bool:
    """Attack the broker and say what came of it."""
    now = datetime.now(UTC)
    root = issue_root_authority("Root", now=now)
    with school_broker(issue_issuing_authority(root, "Issuing", now=now), root=root, now=now) as broker:
        outcome = topics.attack(broker, ATTEMPTS)
    for what, count in outcome.tried.items():
        print(f"  {what}: {count}")
    print(
        f"topics: {outcome.tried.total()} attempts, {len(outcome.delivered)} delivered, {len(outcome.overheard)} "
        f"overheard, {len(outcome.kept)} kept, {outcome.ended} sessions ended"
    )
    return outcome.is_clean


def attack_urls(folder: Path) -> bool:
    """Attack the units' door of the controller and say what came of it."""
    house = make_house(folder)
    scene = urls.make_scene(house)
    outcome = urls.attack(scene, ATTEMPTS)
    answers = ", ".join(f"{status}: {count}" for status, count in sorted(outcome.answers.items()))
    print(f"  answers: {answers}")
    print(
        f"addresses: {outcome.tried} requests, {len(outcome.changed)} changed something of the other unit's, "
        f"{len(outcome.given_away)} gave something away"
    )
    print(f"  the other unit went on, and its receipt names {urls.deliver_rest(scene)} objects")
    house.services.database.close()
    return not (outcome.changed or outcome.given_away)


def time_revocations(folder: Path, count: int) -> None:
    """Revoke units one after the other, each with a live session, and print when what was over for it."""
    closed_s, out_s, http_s = [], [], []
    with school_that_revokes(folder) as stand:
        stand.controller.start()
        for number in range(count):
            unit = stand.add_unit(f"unit-{number}")
            one = _revoke_one(stand, unit)
            for times, seconds in zip((closed_s, out_s, http_s), one, strict=True):
                times.append(seconds)
    for what, times in (
        ("live session at the broker closed", closed_s),
        ("no new session at the broker", out_s),
        ("next HTTP request refused", http_s),
    ):
        print(f"revoked by another process, {what}: median {statistics.median(times):.2f} s, most {max(times):.2f} s")


def _revoke_one(stand: Stand, unit: Unit) -> tuple[float, float, float]:
    """Give the seconds from before the revocation until the session ended, nobody got in, and HTTP refused."""
    ended: list[float] = []

    def watch(wire: Wire) -> None:
        assert wire.is_closed(PATIENCE_S), "the session was not closed"
        ended.append(time.monotonic())

    with stand.connect(unit) as wire, _asking(stand, unit) as session:
        address = f"{stand.controller.url}/documents"
        assert session.get(address, timeout=PATIENCE_S).status_code == 200
        watcher = threading.Thread(target=watch, args=(wire,))
        watcher.start()
        began = time.monotonic()
        stand.revoke(unit)
        assert session.get(address, timeout=PATIENCE_S).status_code == 403
        refused = time.monotonic()
        watcher.join()
    while stand.is_let_in(unit):
        time.sleep(0.02)
    return ended[0] - began, time.monotonic() - began, refused - began


def _asking(stand: Stand, unit: Unit) -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    session.verify = stand.controller.authority
    session.cert = (str(unit.papers.certificate), str(unit.papers.key))
    return session


def main(arguments: list[str]) -> int:
    """Do all of it; 1 when an attack came to something."""
    with tempfile.TemporaryDirectory() as folder:
        clean = [attack_topics(), attack_urls(Path(folder) / "house")]
        (Path(folder) / "stand").mkdir()
        time_revocations(Path(folder) / "stand", int(arguments[0]) if arguments else UNITS)
    return 0 if all(clean) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
