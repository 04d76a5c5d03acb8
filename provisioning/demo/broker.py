"""The demo's broker: a Mosquitto when there is one, else amqtt from the demo's own environment; on loopback alone."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from provisioning.demo.errors import DemoError

_PATHS = "/usr/local/sbin:/usr/sbin"  # where Debian puts servers, outside a user's PATH

_MOSQUITTO = """\
listener {port} 127.0.0.1
allow_anonymous true
persistence false
log_dest stderr
"""

_AMQTT = """\
listeners:
  default:
    type: tcp
    bind: 127.0.0.1:{port}
plugins:
  amqtt.plugins.authentication.AnonymousAuthPlugin:
    allow_anonymous: true
"""


class BrokerKind(Enum):
    """Which broker to start: a Mosquitto if there is one and else amqtt, or one of them by name."""

    AUTO = "auto"
    MOSQUITTO = "mosquitto"
    AMQTT = "amqtt"


@dataclass(frozen=True)
class BrokerCommand:
    """What to start, and what to call it."""

    name: str
    command: list[str]


def plan_broker(folder: Path, port: int, kind: BrokerKind = BrokerKind.AUTO) -> BrokerCommand:
    """Write the broker's configuration into `folder` and give the command that starts it."""
    mosquitto = shutil.which("mosquitto") or shutil.which("mosquitto", path=_PATHS)
    if kind is BrokerKind.MOSQUITTO and not mosquitto:
        raise DemoError("--broker mosquitto: there is none on this machine; install it, or leave the option away")
    if mosquitto and kind is not BrokerKind.AMQTT:
        config = folder / "mosquitto.conf"
        config.write_text(_MOSQUITTO.format(port=port))
        return BrokerCommand("Mosquitto", [mosquitto, "-c", str(config)])
    config = folder / "amqtt.yaml"
    config.write_text(_AMQTT.format(port=port))
    return BrokerCommand("amqtt", [str(Path(sys.executable).with_name("amqtt")), "-c", str(config)])
