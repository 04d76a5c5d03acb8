"""Kills a real process with SIGKILL while it stores snapshots of consent, and looks at what lies there.

    python -m tests.crash.stores STATE LINES DEVICE ROOT

offers the lines of a file to a unit's store in turn, and says after each, by its number, that the store has answered.
The suite kills a few times, `python -m tests.crash.long` often.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from device.identity import DocumentStore
from protocol.documents import Policy, issue_document, peek_document, verify_document
from protocol.durable import REAL
from protocol.signing import VerifyingKey
from tests.crash.orders import DEVICE, NOW
from tests.school import School

LINES = 2000


def offer(state: Path, lines: Path, device: str, root: str) -> None:
    """Offer every line in turn, and say the number of each that was answered."""
    store = DocumentStore(state, device=device, root=VerifyingKey.parse(root), files=REAL)
    for number, line in enumerate(lines.read_bytes().splitlines(keepends=True), 1):
        store.accept(Policy, line)
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()


def kill_stores(folder: Path, school: School, *, kills: int, seed: int) -> int:
    """Kill so many processes, each after some answers; fail where what is held is not the newest that was answered."""
    chance = random.Random(seed)  # noqa: S311 when to kill is no secret
    policy = verify_document(Policy, school.issue_policy(DEVICE), school.trust)
    lines = folder / "lines"
    lines.write_bytes(
        b"".join(issue_document(replace(policy, version=number), school.policy_key) for number in range(1, LINES + 1))
    )
    for number in range(kills):
        state = folder / f"state-{number}"
        state.mkdir()
        (state / "keyring").write_bytes(school.keyring)
        answered = _kill_one(state, lines, school, after=chance.randint(1, 60))
        store = DocumentStore(state, device=DEVICE, root=school.root.verifying, files=REAL)
        held = store.load(Policy, NOW).document
        assert held is not None
        assert held.version in (answered, answered + 1), (held.version, answered)
        assert peek_document(Policy, (state / "policy").read_bytes()).version == held.version
    return kills


def _kill_one(state: Path, lines: Path, school: School, *, after: int) -> int:
    """Kill a process once it has answered `after` lines; give how many it had answered by then."""
    command = [sys.executable, "-m", "tests.crash.stores", state, lines, DEVICE, school.root.verifying.encode()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for _ in range(after):
            assert process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read().splitlines()
    assert process.returncode == -signal.SIGKILL
    return after + len(rest)


if __name__ == "__main__":
    offer(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4])
