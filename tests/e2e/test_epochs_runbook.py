"""The runbook of epochs and storage: every command is run as the page says it, on a server whose unit is silent."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from controller.epochs.models import Epoch
from protocol.durable import replace_file
from protocol.envelope import generate_x25519
from tests.house import make_house

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "runbooks" / "epochs.md"
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LONG_OVER = "2020-w01"


def run(script: str) -> str:
    """Run a script whose questions are answered with yes; give what it printed."""
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-euc", script], input="y\n" * 5, capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_commands_of_the_page_do_what_it_says(tmp_path: Path) -> None:
    """A blocked week is named, waived and ended, and the key of the store is changed, from the page's first command to
    its last."""
    house = make_house(tmp_path)
    admin, unit = house.add_admin(), house.add_teacher()
    core = house.services.config.controller
    backup = tmp_path / "backup"
    backup.mkdir()
    shutil.copy(core.keys / "root.pub", backup)
    config = tmp_path / "controller.toml"
    named = {"data": core.data, "keys": core.keys, "key_store": core.key_store, "keys_backup": backup}
    config.write_text("[controller]\n" + "".join(f'{name} = "{path}"\n' for name, path in named.items()))
    monday = datetime(2019, 12, 30, tzinfo=UTC)
    with house.services.database.writing() as session:
        session.add(Epoch(name=LONG_OVER, begins_at=monday, ends_at=monday + timedelta(days=7)))
    replace_file(core.keys / "epochs" / f"{LONG_OVER}.key", f"{generate_x25519().encode()}\n".encode())
    before = set(house.services.keys.storage)
    where, *commands = BLOCK.findall(PAGE.read_text("utf-8"))
    assert where.startswith("CONFIG=/")
    places = f"CONFIG={config}\nEPOCH={LONG_OVER} UNIT={unit.device} ME={admin.email}\n"
    shown = [run(places + command) for command in commands]
    assert "blocked by Room 12" in shown[0]
    assert "Written down: Grace Admin" in shown[1]
    assert f"Epoch {LONG_OVER} has ended" in shown[2]
    assert len(shown) == 4
    assert not before & set(house.services.keys.storage)
    house.services.database.close()
