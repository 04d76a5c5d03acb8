"""What the broker's machine is given: configuration, access lists, certificate, units for systemd, each with its mode.

Everything is derived from the plan and the contract (topics, the longest message); nothing is asked of a machine. The
access lists name each topic: a pattern that ends in `#` would let a unit fill the broker with retained messages. How
it is used: docs/runbooks/broker.md; what it has to keep: docs/protocol/mqtt.md.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files as package_files
from pathlib import Path, PurePosixPath
from string import Template

from protocol.durable import PRIVATE, replace_file
from protocol.messages import MESSAGE_LIMIT_BYTES
from protocol.pki import BRIDGE_NAME, Credential, issue_server
from protocol.topics import PREFIX, Up

PUBLIC, PROGRAM = 0o644, 0o755
LOCAL = ("localhost", "127.0.0.1")
HEADER_BYTES = 256  # of an MQTT packet: its topic and a few numbers
UNITS = PurePosixPath("etc/systemd/system")
FOLDER = PurePosixPath("/etc/mosquitto/backrow")
OTHER_FILES = 128  # that the broker has open beside its units' connections
STATE = PurePosixPath("/var/lib/mosquitto")
UNITS_PORT, BRIDGE_PORT = 8883, 8884
CONNECTIONS = 4096


@dataclass(frozen=True, kw_only=True)
class BrokerPlan:
    """Where the controller puts its list (`crl`), where the broker's files will lie, and whom it listens to."""

    crl: PurePosixPath
    folder: PurePosixPath = FOLDER
    state: PurePosixPath = STATE
    units_host: str = ""
    units_port: int = UNITS_PORT
    bridge_port: int = BRIDGE_PORT
    connections: int = CONNECTIONS


@dataclass(frozen=True, kw_only=True)
class BrokerTrust:
    """The authority that everybody is checked against, and the broker's own certificate and key."""

    authority_pem: bytes
    server: Credential


@dataclass(frozen=True)
class Placed:
    """One file: where it goes, seen from `/`, with which mode."""

    content: bytes
    mode: int = PUBLIC


def issue_broker(authority: Credential, hosts: tuple[str, ...], *, now: datetime) -> Credential:
    """Make the broker's certificate for the names that units call it by, and for loopback, where the bridge does.

    Raises `ValueError` for names that no certificate can carry.
    """
    return issue_server(authority, tuple(dict.fromkeys((*hosts, *LOCAL))), now=now)


def place_files(plan: BrokerPlan, trust: BrokerTrust) -> Mapping[PurePosixPath, Placed]:
    """Give every file of the broker by its path below `/`."""
    folder = PurePosixPath(str(plan.folder).lstrip("/"))
    placed = {path: Placed(_fill(name, plan)) for name, path in _templates(folder)}
    return placed | {
        folder / "take-list": Placed(_fill("take-list", plan), PROGRAM),
        folder / "units.acl": Placed(units_rules().encode(), PRIVATE),
        folder / "bridge.acl": Placed(bridge_rules().encode(), PRIVATE),
        folder / "ca.pem": Placed(trust.authority_pem),
        folder / "server.pem": Placed(trust.server.certificate_pem()),
        folder / "server.key": Placed(trust.server.key_pem(), PRIVATE),
    }


def _templates(folder: PurePosixPath) -> Iterator[tuple[str, PurePosixPath]]:
    yield "mosquitto.conf", folder / "mosquitto.conf"
    yield "50-backrow.conf", UNITS / "mosquitto.service.d" / "50-backrow.conf"
    yield "backrow-crl.service", UNITS / "backrow-crl.service"
    yield "backrow-crl.path", UNITS / "backrow-crl.path"
    yield "backrow-crl.timer", UNITS / "backrow-crl.timer"
    yield "tmpfiles.conf", PurePosixPath("etc/tmpfiles.d/backrow-broker.conf")


def _fill(name: str, plan: BrokerPlan) -> bytes:
    text = (package_files(__package__) / "etc" / name).read_text("utf-8")
    return (
        Template(text)
        .substitute(
            folder=plan.folder,
            state=plan.state,
            crl=plan.crl,
            units_port=plan.units_port,
            units_host=f" {plan.units_host}" if plan.units_host else "",
            bridge_port=plan.bridge_port,
            connections=plan.connections,
            files=plan.connections + OTHER_FILES,
            packet_bytes=MESSAGE_LIMIT_BYTES + HEADER_BYTES,
            queued=max(1000, 8 * plan.connections),
            queued_bytes=16 * 1024 * 1024,
        )
        .encode()
    )


def units_rules() -> str:
    """Give the access list of the units' listener: a unit writes its own four topics and reads what is said to it."""
    lines = [
        "# What a unit may, by the name in its certificate (%u). Each topic is named: what may be retained is four",
        "# messages a unit. A SUBSCRIBE to more is granted by Mosquitto all the same, and nothing is delivered for it.",
        *(f"pattern write {PREFIX}/%u/up/{kind}" for kind in Up),
        f"pattern read {PREFIX}/%u/down/#",
    ]
    return "\n".join(lines) + "\n"


def bridge_rules() -> str:
    """Give the access list of the bridge's listener: the bridge alone, and only what the two directions need."""
    lines = [
        "# What the bridge may. A unit whose certificate reaches this listener may nothing.",
        f"user {BRIDGE_NAME}",
        *(f"topic read {PREFIX}/+/up/{kind}" for kind in Up),
        f"topic write {PREFIX}/+/down/#",
    ]
    return "\n".join(lines) + "\n"


def store_files(out: Path, placed: Mapping[PurePosixPath, Placed]) -> None:
    """Write the files below `out`, new or empty, as they will lie below `/`: all of them or none; raise `OSError`."""
    out = out.absolute()
    out.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    try:
        for path, file in placed.items():
            (draft / path).parent.mkdir(parents=True, exist_ok=True)
            replace_file(draft / path, file.content, mode=file.mode)
            (draft / path).chmod(file.mode)
        for folder in filter(Path.is_dir, draft.rglob("*")):
            folder.chmod(PROGRAM)  # like the files' modes: as asked for, whatever the umask
        draft.replace(out)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
