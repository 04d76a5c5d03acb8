"""`user-data` and `meta-data`: the little that cloud-init does on a unit's first start, which is to call ours.

Pure. cloud-init reads them from the boot partition (Raspberry Pi OS: NoCloud, seeded from /boot/firmware), where they
stay: so no secret stands in either. `bootcmd` runs at every start, unlike `runcmd`, which a power cut in its middle
ends for good; first boot switches cloud-init off when it is through.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from provisioning.card.netplan import encode_yaml

BEGIN = "/boot/firmware/backrow/begin"
ADMIN = "it"


def encode_user_data(*, hostname: str, timezone: str, ssh_keys: tuple[str, ...]) -> str:
    """Write `user-data`. Without a key nobody can log in, by ssh or at a keyboard; no account has a password."""
    settings: dict[str, Any] = {
        "hostname": hostname,
        "manage_etc_hosts": "localhost",
        "timezone": timezone,
        "ssh_pwauth": False,
        "users": [_admin(ssh_keys)] if ssh_keys else [],
        # the rest of the card belongs to the data partition
        "growpart": {"mode": "off"},
        "resize_rootfs": False,
        "bootcmd": [["sh", BEGIN]],
    }
    return f"#cloud-config\n{encode_yaml(settings)}"


def _admin(ssh_keys: tuple[str, ...]) -> dict[str, Any]:
    return {
        "name": ADMIN,
        "gecos": "IT of the school",
        "shell": "/bin/bash",
        "lock_passwd": True,
        "sudo": "ALL=(ALL) NOPASSWD:ALL",
        "ssh_authorized_keys": list(ssh_keys),
    }


def encode_meta_data(device: str) -> str:
    """Write `meta-data`: another unit's card is another instance."""
    return encode_yaml({"dsmode": "local", "instance-id": f"backrow-{device}"})


def make_hostname(room: str, device: str) -> str:
    """Make a host's name of the room's, or of the device id where nothing of the room's is left."""
    plain = unicodedata.normalize("NFKD", room).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:40].strip("-")
    return f"backrow-{slug or device[:12].lower()}"
