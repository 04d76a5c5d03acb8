"""The real picamera2 inside the recorder's own sandbox: its lab is booted, and the lab's tests run as the service.

Everything that the unit file forbids is forbidden to libcamera, picamera2, libx264 and numpy. Without a netlink socket
libcamera looks for cameras in the kernel's folders; the one that a PC lacks is put there, empty.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.boot.machine import Machine, lay_units, overlay
from tests.boot.root import ROOT, add_systemd, what_is_missing
from tests.pi_lab.root import CAMERA, CAMERA_FILE, PYTHON, make_lab
from tests.school import make_school

pytestmark = pytest.mark.boot
RECORDER = "backrow-recorder.service"
# It counts open files to one, with the watcher of udev that a process without netlink has not.
ELSEWHERE = "tests/pi_lab/test_picam.py::test_no_camera_is_a_fault_that_says_where_to_look"
OPTIONS = f"-p tests.pi_lab.stand_in -p no:cacheprovider -m hardware -q --deselect {ELSEWHERE}"
# What the service runs instead of the recorder; nothing of what it may not is touched.
INSTEAD = f"""[Service]
Type=oneshot
Restart=no
WatchdogSec=0
LoadCredential=
ExecStopPost=
ExecStart=
ExecStart={PYTHON} -m pytest {OPTIONS} tests/pi_lab
TimeoutStartSec=600
WorkingDirectory=/src
Environment=PYTHONPATH=/src
BindReadOnlyPaths=/kernel/bus:/sys/bus
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """The lab of tests/pi_lab as a machine that is up, with the recorder's unit file and its users."""
    if missing := what_is_missing():
        pytest.fail(missing)
    folder = tmp_path_factory.mktemp("lab")
    base = make_lab(ROOT / "build/pi-lab", folder / "out").root
    unit = make_school(folder, now=datetime.now(UTC)).make_unit(folder / "unit")
    (folder / "kernel/bus/media/devices").mkdir(parents=True)
    with overlay(base, folder) as root:
        _prepare(root)
        binds = (f"--bind-ro={ROOT}:/src", f"--bind-ro={folder / 'kernel'}:/kernel", f"--bind={folder / 'out'}:/out")
        machine = Machine(root=root, unit=unit, binds=binds)
        try:
            machine.boot()
            yield machine
        finally:
            machine.end()


def _prepare(root: Path) -> None:
    add_systemd(root)
    lay_units(root)
    (root / CAMERA_FILE).write_bytes(CAMERA.read_bytes())
    (root / "etc/backrow").mkdir()
    (root / "etc/backrow/device.toml").touch()  # the unit's condition; the tests bring their own
    drop_in = root / "etc/systemd/system" / f"{RECORDER}.d"
    drop_in.mkdir()
    (drop_in / "instead.conf").write_text(INSTEAD, "ascii")


def test_real_picamera2_films_under_everything_that_the_unit_file_forbids(lab: Machine) -> None:
    """No network, no netlink, no capability, no writable and executable memory: every test of the lab passes."""
    lab.ask("systemctl", "start", RECORDER)
    log = lab.journal(f"--unit={RECORDER}")
    assert lab.show(RECORDER, "Result") == "success", log
    assert " passed" in log, log


def test_sandbox_of_the_lab_is_the_recorders(lab: Machine) -> None:
    """The test above is no empty gesture: what the service was run with is what the unit file says."""
    expected = {
        "RestrictAddressFamilies": "AF_UNIX",
        "MemoryDenyWriteExecute": "yes",
        "CapabilityBoundingSet": "",
        "PrivateNetwork": "yes",
        "PrivateUsers": "yes",
        "ProtectSystem": "strict",
        "User": "backrow-recorder",
        "DevicePolicy": "closed",
    }
    assert {name: lab.show(RECORDER, name) for name in expected} == expected
