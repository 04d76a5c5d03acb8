"""Runbooks of certificates and of a unit's end: commands are typed as the pages say, while all processes run.

The server, its units' listener, broker, bridge, jobs and the unit are real; only the pages' places are changed.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from controller.config import load_config
from controller.devices.models import Device, DeviceState, UnitCounter
from controller.wiring import make_services
from protocol.ids import make_id
from provisioning.demo.crew import backrow, run
from tests.e2e.stack import UNIT, Stack, found_place
from tests.e2e.typed import PATIENCE_S, Runbook
from tests.footage import find_footage

SECRET = Path("/run/backrow-secret")
SHOWN = re.compile(r"this fingerprint of its key: ([0-9a-f ]+)")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A school whose seven processes run, and a unit that has joined."""
    place = found_place(tmp_path_factory.mktemp("school"), find_footage("bigbuckbunny.mp4"), rate_bps=8_000_000)
    with Stack(place) as opened:
        opened.open()
        yield opened


@pytest.fixture
def running(stack: Stack) -> Stack:
    """Everything runs, whatever the test before left."""
    stack.restore()
    return stack


def secret_file(stack: Stack) -> Path:
    """Give where the one-time secret is laid: where the page says, if this user may write there."""
    return SECRET if os.access(SECRET.parent, os.W_OK) else stack.school.folder / "backrow-secret"


def page(stack: Stack, name: str, **names: str) -> Runbook:
    """Give a page with the places of this school."""
    school = stack.school
    places = {
        "https://backrow.school.example": school.url,
        "backrow.school.example:8443": f"127.0.0.1:{school.ports.units}",
        "/etc/backrow/controller.toml": str(school.config),
        "/etc/backrow/device.toml": str(school.unit_config),
        "/etc/backrow/keys": str(school.folder / "keys"),
        " root-ca.pem": f" {school.folder / 'keys' / 'root-ca.pem'}",
        "/var/lib/backrow/controller": str(load_config(school.config).controller.data),
        "/var/lib/backrow": str(school.unit_config.parent / "data"),
        str(SECRET): str(secret_file(stack)),
        **names,
    }
    return Runbook(name, places, school.folder)


def unit_of(stack: Stack) -> str:
    """Give the unit's id."""
    return str(tomllib.loads(stack.school.unit_config.read_text("utf-8"))["device"]["id"])


def identity(stack: Stack) -> Path:
    """Give the unit's folder of keys."""
    return stack.school.unit_config.parent / "data" / "identity"


def make_anew(stack: Stack) -> None:
    """Take the unit's own keys away, as on a card that was made anew."""
    for name in ("tls.key", "recorder.key", "recorder.pub"):
        (identity(stack) / name).unlink()
    (identity(stack).parent / "certificate" / "tls.pem").unlink()


def test_both_ends_can_be_looked_at(running: Stack) -> None:
    """Steps 1 and 7: every command of theirs answers, and says what the page says that it does."""
    at = page(running, "certificate-trouble", UNIT=unit_of(running))
    assert "certificate/tls.pem" in at.try_out("backrow device check --config").stdout
    assert unit_of(running) in at.type("openssl x509")
    assert "certificate ends at" in at.type("backrow controller device show")
    assert "enrolled" in at.type("backrow controller device history")
    assert at.type("curl -s").count("subject=") == 2
    assert "Verification: OK" in at.type("openssl s_client")
    assert "ca.pem" in at.try_out("backrow provision keys check --keys").stdout
    assert "nextUpdate=" in at.type("openssl crl -in /var/lib/backrow/controller/revoked.crl -noout -nextupdate")


def test_new_secret_lets_the_unit_join_and_its_file_is_shredded(running: Stack) -> None:
    """Step 3, with the file at the very place that the page names; step 6 renews at once."""
    at = page(running, "certificate-trouble", UNIT=unit_of(running))
    running.stop(*UNIT)
    _lay_secret(running, at.type("backrow controller device secret"))
    assert "The unit is enrolled" in at.type("backrow device enroll --config /etc/backrow/device.toml --secret-file")
    assert not secret_file(running).exists()
    assert "renewed" in at.type("backrow device renew --config /etc/backrow/device.toml --now")


def _lay_secret(stack: Stack, shown: str) -> None:
    path = secret_file(stack)
    path.touch(mode=0o600)
    path.write_text(shown.splitlines()[-1] + "\n", "ascii")


def test_card_that_was_made_anew_is_readopted(running: Stack) -> None:
    """Steps 2 and 4: a secret alone leaves the old recorder's key in the way; then the old certificate is revoked."""
    at = page(running, "certificate-trouble", UNIT=unit_of(running))
    enroll = "backrow device enroll --config /etc/backrow/device.toml --secret-file"
    pem = identity(running).parent / "certificate" / "tls.pem"
    old = subprocess.run(
        ["openssl", "x509", "-in", pem, "-noout", "-serial"], capture_output=True, text=True, check=True
    )
    running.stop(*UNIT)
    make_anew(running)
    _lay_secret(running, at.type("backrow controller device secret"))
    refused = at.try_out(enroll)
    assert refused.returncode == 1
    assert "409" in refused.stdout + refused.stderr
    assert "the recorder's key in force" in refused.stdout + refused.stderr
    _lay_secret(running, at.type("backrow controller device readopt"))
    assert "The unit is enrolled" in at.type(enroll)
    listed = at.type("openssl crl -in /var/lib/backrow/controller/revoked.crl -noout -text")
    assert old.stdout.strip().partition("=")[2].lstrip("0") in listed


def test_keys_are_replaced_by_hand(running: Stack) -> None:
    """Step 4's end: a new TLS key at once; a new recorder's key when it is stopped and holds nothing, never before."""
    at = page(running, "certificate-trouble")
    before = (identity(running) / "tls.key").read_bytes()
    at.type("backrow device renew --config /etc/backrow/device.toml --new-key")
    assert (identity(running) / "tls.key").read_bytes() != before
    command, known = "backrow device new-recorder-key", (identity(running) / "recorder.pub").read_bytes()
    refused = at.try_out(command)
    assert (refused.returncode, "stop" in refused.stderr.lower()) == (1, True), refused.stderr
    running.stop(*UNIT)
    lesson = identity(running).parent / "spool" / make_id(os.urandom(16))
    lesson.mkdir()
    refused = at.try_out(command)
    assert (refused.returncode, "spool" in refused.stderr) == (1, True), refused.stderr
    assert (identity(running) / "recorder.pub").read_bytes() == known
    lesson.rmdir()
    at.type(command)
    assert (identity(running) / "recorder.pub").read_bytes() != known


@contextmanager
def joining_without_secret(stack: Stack, bundle: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Let a unit without a secret ask; give the process and the fingerprint that its screen shows."""
    command = backrow("device", "enroll", "--config", bundle / "device.toml", "--patience", str(PATIENCE_S))
    with subprocess.Popen(command, cwd=bundle, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as asking:
        assert asking.stdout
        found = next(shown for line in asking.stdout if (shown := SHOWN.search(line)))
        yield asking, found[1].strip()
        asking.terminate()


def prepare_spare(stack: Stack, bundle: Path) -> None:
    """Prepare a unit that reaches the same addresses, and take its secret away."""
    words = ["--label", "Room 13", "--owner", "ada@school.example", "--set", "device.data=data"]
    words += ["--set", "pins.kind=mock", "--set", f"controller.url=https://127.0.0.1:{stack.school.ports.units}"]
    config = stack.school.config
    run("controller", "device", "prepare", "--config", config, *words, "--out", bundle, cwd=stack.school.folder)
    (bundle / "secret").unlink()


def test_key_is_refused_on_the_server_and_adopted_on_the_page(running: Stack, tmp_path: Path) -> None:
    """Step 5: one fingerprint is listed and refused, another compared, typed and adopted; that unit has joined."""
    bundle = tmp_path / "spare"
    prepare_spare(running, bundle)
    with joining_without_secret(running, bundle) as (asking, shown):
        at = page(running, "certificate-trouble", **{"114c 5792 9223 e875 c0a2 ab3e e176 59ed": shown})
        assert shown in at.type("backrow controller enrollment list")
        assert "Refused." in at.type("backrow controller enrollment refuse")
    (bundle / "data" / "identity" / "tls.key").unlink()
    with joining_without_secret(running, bundle) as (asking, shown):
        _adopt_on_page(running, shown)
        assert asking.wait(PATIENCE_S) == 0
    told = run("controller", "device", "list", "--config", running.school.config, "--json", cwd=running.school.folder)
    assert {unit["label"]: unit["state"] for unit in json.loads(told)}["Room 13"] == "active"


def _adopt_on_page(stack: Stack, shown: str) -> None:
    """Do with the page *Joining* what the runbook says: compare six groups, type two, name the unit."""
    browser, password = requests.Session(), "a long enough password"
    browser.trust_env = False
    link = stack.school.admin_link

    def send(address: str, seen: str, **fields: str) -> str:
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', browser.get(seen, timeout=30).text)
        assert token
        answer = browser.post(address, data={"csrf_token": token[1], **fields}, headers={"Referer": seen}, timeout=30)
        assert answer.ok, answer.text
        return answer.text

    send(link, link, password=password, repeated=password)
    joining = f"{stack.school.url}/joining"
    told = browser.get(joining, timeout=30).text
    groups = shown.split()
    assert " ".join(groups[:6]) in told
    (address,) = re.findall(r'action="(/joining/[^/]+/adopt)"', told)
    (unit,) = re.findall(r'<option value="([a-z2-7]{26})">Room 13', told)
    assert "Adopted." in send(f"{stack.school.url}{address}", joining, unit=unit, typed=" ".join(groups[6:]))


def ask_for_documents(stack: Stack) -> None:
    """Let the uploader ask: it does when it starts, and otherwise when something has changed."""
    stack.stop("uploader")
    stack.start("uploader")


def test_quarantined_unit_is_accepted_and_later_retired(running: Stack) -> None:
    """An older card's counters stop it by themselves; the two commands of the page take it back, and out of use."""
    unit = unit_of(running)
    at = page(running, "lost-unit", **{"<unit>": unit})
    services = make_services(load_config(running.school.config))

    def is_known() -> bool:
        with services.database.reading() as session:
            return session.get(UnitCounter, unit) is not None

    def state() -> DeviceState:
        with services.database.reading() as session:
            return session.get_one(Device, unit).state

    running.wait("the unit's counters", is_known, within_s=120)
    with services.database.writing() as session:
        known = session.get_one(UnitCounter, unit)
        known.boots, known.boot = known.boots + 5, "a later start"
    ask_for_documents(running)
    running.wait("the quarantine", lambda: state() is DeviceState.QUARANTINED, within_s=120)
    assert _shown_state(running, unit) == "quarantined"
    at.type("backrow controller device accept")
    assert state() is DeviceState.ACTIVE
    assert "accepted" in run("controller", "device", "history", "--config", running.school.config, unit, cwd=at.folder)
    at.type("backrow controller device retire")
    assert "will not wipe itself" not in at.type("backrow controller device list --all")
    running.wait_lamp("not_set_up", within_s=120)
    services.database.close()


def _shown_state(stack: Stack, unit: str) -> str:
    told = run("controller", "device", "show", "--json", "--config", stack.school.config, unit, cwd=stack.school.folder)
    return str(json.loads(told)["state"])
