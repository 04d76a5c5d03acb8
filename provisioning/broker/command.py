"""`backrow provision broker`: writes the broker's files for one machine, and says how they are put in place.

It reads the school's authority and makes the broker's certificate with it; it changes nothing on the machine it runs
on, and sends nothing anywhere. The steps as a person takes them: docs/runbooks/broker.md.
"""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path, PurePosixPath

import click
from cryptography import x509

from protocol.errors import ProtocolError
from protocol.pki import Credential
from provisioning.broker.files import (
    BRIDGE_PORT,
    CONNECTIONS,
    FOLDER,
    LOCAL,
    STATE,
    UNITS_PORT,
    BrokerPlan,
    BrokerTrust,
    issue_broker,
    place_files,
    store_files,
)
from provisioning.keys.errors import KeysError
from provisioning.keys.standing import read_authority

MADE = """\
Made the files of the broker in {out}. Its certificate names {hosts}
and ends on {ends_at:%Y-%m-%d}: run this again before that day.
Put them in place on the machine of the controller (docs/runbooks/broker.md):
  sudo apt-get install mosquitto openssl
  sudo cp -r {out}/etc / && sudo systemd-tmpfiles --create backrow-broker.conf
  sudo systemctl daemon-reload && sudo systemctl enable --now backrow-crl.path backrow-crl.timer
  sudo systemctl restart mosquitto
  rm -r {out}     (it holds the broker's private key)
The controller's list of revoked certificates must be at {crl}: `backrow controller jobs` makes it.
In controller.toml:
  [broker]
  host = "127.0.0.1"
  port = {bridge_port}
  tls = true
  certificate = "{keys}/bridge.pem"
  key = "{keys}/bridge.key"
  units_host = "{units_name}"
  units_port = {units_port}"""


def _path(_context: click.Context, _option: click.Parameter, text: str) -> PurePosixPath:
    path = PurePosixPath(text)
    if not path.is_absolute() or not text.isprintable() or " " in text or "$" in text or "%" in text:
        raise click.BadParameter(f"expected an absolute path without spaces, $ and %, got {text!r}")
    return path


def _address(_context: click.Context, _option: click.Parameter, text: str) -> str:
    try:
        return text and str(ip_address(text))
    except ValueError:
        raise click.BadParameter(f"expected an address of this machine like 10.1.0.5, got {text!r}") from None


@click.command(name="broker")
@click.option("--keys", required=True, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--crl", required=True, callback=_path, help="The controller's list: revoked.crl in its data folder.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="A new or an empty folder.")
@click.option("--host", "hosts", multiple=True, help="A name that units call the broker by; else those of server.pem.")
@click.option(
    "--listen", default="", callback=_address, help="The address for units; else every address of the machine."
)
@click.option("--port", default=UNITS_PORT, show_default=True, type=click.IntRange(1, 65_535))
@click.option("--bridge-port", default=BRIDGE_PORT, show_default=True, type=click.IntRange(1, 65_535))
@click.option("--units", "connections", default=CONNECTIONS, show_default=True, type=click.IntRange(1, 100_000))
@click.option("--folder", default=str(FOLDER), show_default=True, callback=_path, help="Where the files will lie.")
@click.option(
    "--state", default=str(STATE), show_default=True, callback=_path, help="Where the broker keeps what is retained."
)
def broker_command(  # noqa: PLR0913 - one option each
    *,
    keys: Path,
    out: Path,
    hosts: tuple[str, ...],
    listen: str,
    port: int,
    bridge_port: int,
    connections: int,
    crl: PurePosixPath,
    folder: PurePosixPath,
    state: PurePosixPath,
) -> None:
    """Make the files of the school's MQTT broker (Mosquitto)."""
    if port == bridge_port:
        raise click.UsageError(f"--port and --bridge-port: expected two different ports, got {port} for both")
    _require_new(out)
    plan = BrokerPlan(
        folder=folder,
        state=state,
        crl=crl,
        units_host=listen,
        units_port=port,
        bridge_port=bridge_port,
        connections=connections,
    )
    server = _issue(keys, hosts or _hosts_of(keys / "server.pem"))
    placed = place_files(plan, BrokerTrust(authority_pem=_authority_pem(keys), server=server))
    try:
        store_files(out, placed)
    except OSError as error:
        raise click.ClickException(f"{out}: the files cannot be written there: {error}") from None
    click.echo(_describe(plan, out, keys, server.certificate))


def _describe(plan: BrokerPlan, out: Path, keys: Path, certificate: x509.Certificate) -> str:
    hosts = [name for name in _names_of(certificate) if name not in LOCAL] or list(LOCAL)
    return MADE.format(
        out=out,
        hosts=", ".join(hosts),
        ends_at=certificate.not_valid_after_utc,
        crl=plan.crl,
        keys=keys.absolute(),
        bridge_port=plan.bridge_port,
        units_name=hosts[0],
        units_port=plan.units_port,
    )


def _require_new(out: Path) -> None:
    try:
        stands = out.exists() and (not out.is_dir() or any(out.iterdir()))
    except OSError as error:
        raise click.ClickException(f"{out}: cannot be looked at: {error}; choose another folder") from None
    if stands:
        raise click.ClickException(f"{out}: expected a new or an empty folder, found something in it")


def _issue(keys: Path, hosts: tuple[str, ...]) -> Credential:
    try:
        return issue_broker(read_authority(keys / "ca.pem", keys / "ca.key"), hosts, now=datetime.now(UTC))
    except (KeysError, ProtocolError) as error:
        raise click.ClickException(f"the school's CA cannot be used: {error}") from None
    except ValueError as error:
        raise click.ClickException(f"--host: no certificate can name {', '.join(hosts)}: {error}") from None


def _authority_pem(keys: Path) -> bytes:
    """Give what certificates are checked against: the root CA's, and no other."""
    try:
        return (keys / "root-ca.pem").read_bytes()
    except OSError as error:
        raise click.ClickException(f"the school's root CA cannot be read: {error}") from None


def _hosts_of(path: Path) -> tuple[str, ...]:
    try:
        return _names_of(x509.load_pem_x509_certificate(path.read_bytes()))
    except (OSError, ValueError, x509.ExtensionNotFound) as error:
        raise click.ClickException(f"{path}: cannot be read ({error}); name the broker with --host") from None


def _names_of(certificate: x509.Certificate) -> tuple[str, ...]:
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return tuple(str(name.value) for name in names)
