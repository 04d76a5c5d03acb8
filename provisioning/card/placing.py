"""Lays a card's folder onto the boot partition of a card that the stock image was written to.

It adds files and takes one word out of `cmdline.txt`: `resize`, by which Raspberry Pi OS would give the whole card to
the root partition before anything of ours runs, and leave no room for the data partition.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from protocol.durable import replace_file
from provisioning.card.errors import CardError, tell_cause

STOCK = ("cmdline.txt", "config.txt")
RESIZE = "resize"


def is_boot_partition(folder: Path) -> bool:
    """Tell whether `folder` is the boot partition of a card, seen from the machine that wrote it."""
    return all((folder / name).is_file() for name in STOCK)


def require_boot_partition(folder: Path) -> None:
    """Refuse what is no boot partition of a fresh card; raises `CardError`."""
    if not is_boot_partition(folder):
        raise CardError(
            "out",
            f"{folder}: expected the card's boot partition (bootfs), with {' and '.join(STOCK)} on it; is it mounted?",
        )
    if (folder / "backrow").exists():
        raise CardError("out", f"{folder}: another unit's files are on this card already; write the image anew")


def place(contents: Path, boot: Path) -> None:
    """Copy `contents` onto the boot partition and return when it is on the card; raises `CardError`."""
    require_boot_partition(boot)
    words = (boot / "cmdline.txt").read_text("utf-8").split()
    kept = " ".join(word for word in words if word != RESIZE)
    try:
        shutil.copytree(contents, boot, dirs_exist_ok=True, copy_function=shutil.copyfile)
        replace_file(boot / "cmdline.txt", f"{kept}\n".encode(), mode=0o644)
        os.sync()
    except OSError as error:
        raise CardError(
            "", f"{boot}: the card cannot be written: {tell_cause(error)}; write the image to a card anew, then again"
        ) from None
