"""The renewal of the certificate as a service of a real systemd: its user, its sandbox, and how it is tried again."""

from __future__ import annotations

import pytest

from tests.boot.machine import DATA, Machine, wait_for

pytestmark = pytest.mark.boot
SERVICE = "backrow-renew.service"
MARKER = "/run/systemd/timesync/synchronized"
TRIED = f"""[Service]
ExecStart=
ExecStart=/bin/sh -ec 'test -r {DATA}/certificate/tls.pem; test -r {DATA}/identity/ca.pem; \\
  test -r $CREDENTIALS_DIRECTORY/tls.key; touch {DATA}/certificate/.tried; rm {DATA}/certificate/.tried; \\
  for place in identity state spool recorder uploads agent; do \\
    if touch {DATA}/$place/.tried 2>/dev/null; then exit 3; fi; done; \\
  for place in spool state recorder uploads agent; do if ls {DATA}/$place 2>/dev/null; then exit 4; fi; done; \\
  if cat {DATA}/identity/tls.key 2>/dev/null; then exit 5; fi'
"""


def test_renewal_looks_at_the_certificate_and_asks_nobody_before_it_is_due(booted: Machine) -> None:
    """As its own user it reads certificate, root and key, says until when all is well, and ends in order."""
    booted.run("mkdir", "-p", "/run/systemd/timesync")
    booted.run("touch", MARKER)
    booted.run("systemctl", "stop", SERVICE)
    booted.run("systemctl", "start", SERVICE)
    assert "nothing to do before" in booted.journal(f"--unit={SERVICE}")
    assert booted.show("backrow-renew.timer", "ActiveState") == "active"


def test_renewal_that_presses_is_tried_again_and_leaves_the_machine_in_order(booted: Machine) -> None:
    """No time and no controller: exit status 75, another try waits, and nothing of the machine counts as failed."""
    booted.run("rm", "-f", MARKER)
    assert booted.fails("systemctl", "start", SERVICE)
    assert booted.show(SERVICE, "ExecMainStatus") == "75"
    wait_for(lambda: booted.show(SERVICE, "SubState") == "auto-restart", "another try waits")
    assert SERVICE not in booted.ask("systemctl", "--failed", "--plain", "--no-legend")
    booted.run("systemctl", "stop", SERVICE)


def test_renewal_writes_one_folder_and_sees_neither_footage_nor_documents(booted: Machine) -> None:
    """In the service's own sandbox, with its user: exactly the certificate's folder can be written."""
    folder = f"/etc/systemd/system/{SERVICE}.d"
    booted.run("mkdir", "-p", folder)
    booted.run("sh", "-c", f"cat > {folder}/tried.conf <<'END'\n{TRIED}END")
    booted.run("systemctl", "daemon-reload")
    booted.run("systemctl", "start", SERVICE)
    booted.run("rm", "-r", folder)
    booted.run("systemctl", "daemon-reload")
