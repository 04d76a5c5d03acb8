"""Runbooks on the school's keys: every command is typed at a terminal as the page says it, one page after the other.

Only the blocks that say where things lie are changed. What the commands print is looked at for what the page promises.
"""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from protocol.documents import Purpose
from protocol.keyfiles import load_signing_key
from tests.unit.provisioning.keys.made import recipients_of, trust_of

ROOT = Path(__file__).parents[2]
PASSPHRASE = "correct horse battery staple lamp button"
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
WHERE = re.compile(r"^[A-Z0-9]+=/")
ASKED = re.compile(rb"(?:Passphrase of the root|Again): ")
LEAST_BLOCKS = 5


def blocks(page: str) -> list[str]:
    """Give the blocks of commands of a runbook; the first one says where things lie."""
    found = BLOCK.findall((ROOT / "docs" / "runbooks" / f"{page}.md").read_text("utf-8"))
    assert len(found) >= LEAST_BLOCKS
    assert WHERE.match(found[0])
    assert not [block for block in found[1:] if WHERE.match(block)]
    return found[1:]


def places(folder: Path) -> str:
    """Say where things lie in this test, in the words of the pages."""
    named = {"KEYS": "server/keys", "ROOT": "one/root", "ROOT2": "two/root", "BACKUP": "three/keys"}
    for path in (*named.values(), "paper/record.pdf"):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
    return "".join(f"{name}={folder / path}\n" for name, path in {**named, "RECORD": "paper/record.pdf"}.items())


def type_at_terminal(script: str) -> str:
    """Run a script with a terminal, typing the passphrase whenever it is asked for; give all that was shown."""
    terminal, far_end = pty.openpty()
    command = ["setsid", "--ctty", "--wait", "bash", "-euc", script]
    with subprocess.Popen(command, stdin=far_end, stdout=far_end, stderr=far_end, env=_environment()) as running:
        os.close(far_end)
        shown = _converse(terminal)
    os.close(terminal)
    text = shown.decode("utf-8", "replace")
    assert running.returncode == 0, text
    return text


def _converse(terminal: int) -> bytes:
    """Give all that is shown until the far end closes; type the passphrase whenever it is asked for."""
    shown, answered = b"", 0
    while chunk := _read(terminal):
        shown += chunk
        asked = len(ASKED.findall(shown))
        if asked > answered:
            os.write(terminal, f"{PASSPHRASE}\n".encode())
            answered = asked
    return shown


def _environment() -> dict[str, str]:
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # the child has gone, and its side of the terminal with it
        return b""


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A school whose keys were made by the first page, and the words that this printed in `shown`."""
    folder = tmp_path_factory.mktemp("school")
    shown = [type_at_terminal(places(folder) + block) for block in blocks("new-school")]
    (folder / "shown").write_text("\n".join(shown), "utf-8")
    return folder


def test_new_school_can_be_founded_as_the_page_says(school: Path) -> None:
    """Both sticks hold the sealed root, the backup opens a recording, the record is a PDF, nothing is left to do."""
    shown = (school / "shown").read_text("utf-8")
    assert shown.count("things went well") == 2
    assert "FAILED" not in shown
    assert "->" not in shown
    assert PASSPHRASE not in shown
    for stick in ("one", "two"):
        assert {path.suffix for path in (school / stick / "root").iterdir()} == {".age", ".pub", ".pem"}
    assert (school / "paper" / "record.pdf").read_bytes().startswith(b"%PDF")


def test_keys_can_be_rotated_as_the_page_says(school: Path) -> None:
    """From the first command of the page to the last: further weeks, certificates, a key rotated and retired, a CA."""
    keys = school / "server" / "keys"
    policy, ends_at = load_signing_key(keys / "policy.key").verifying, recipients_of(keys).expires_at
    shown = "\n".join(type_at_terminal(places(school) + block) for block in blocks("key-rotation"))
    assert shown.count("things went well") == 3
    assert "FAILED" not in shown
    assert recipients_of(keys).expires_at == ends_at + timedelta(weeks=8)
    new = load_signing_key(keys / "policy.key").verifying
    assert new != policy
    assert trust_of(keys).keys_for(Purpose.POLICY) == (new,)
    assert (keys / "retired-ca" / "1.key").exists()
