"""The card's partitions: how large the root partition becomes, where the data partition goes. Pure; in sectors.

Raspberry Pi OS comes with a boot and a root partition and free space behind. The root partition gets what its packages
need, once; the data partition gets everything else.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

ROOT_BYTES = 6 * 2**30
LEAST_DATA_BYTES = 4 * 2**30
ALIGN_BYTES = 8 * 2**20
NAMESPACE = uuid.UUID("0d9a9a3e-0c0e-5b68-8a59-9a7d1a6c3f21")


class NoRoom(Exception):
    """There is no place for a data partition on this card."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """A disk's partition table as `sfdisk --json` tells it, and the disk's size."""

    label_id: str
    sector_bytes: int
    sectors: int
    partitions: Sequence[Mapping[str, object]]


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How large things shall be, in bytes."""

    root: int = ROOT_BYTES
    least_data: int = LEAST_DATA_BYTES


def is_laid_out(table: Table) -> bool:
    """Tell whether the data partition is in the table."""
    return len(table.partitions) == 3


def plan_table(table: Table, sizes: Sizes) -> str:
    """Write the whole new table for `sfdisk`; raises `NoRoom` with what to do."""
    if len(table.partitions) != 2:
        raise NoRoom(f"expected the two partitions of the stock image, found {len(table.partitions)}; write it anew")
    boot, root = table.partitions
    align, sector = ALIGN_BYTES // table.sector_bytes, table.sector_bytes
    start, size = int(str(root["start"])), int(str(root["size"]))
    data_start = _round_up(start + max(size, sizes.root // sector), align)
    free = table.sectors - data_start
    if free * sector < sizes.least_data:
        raise NoRoom(
            f"behind the root partition {max(free, 0) * sector // 2**20} MiB would be left for the data partition, "
            f"expected at least {sizes.least_data // 2**20}: a card of 32 GB or more, on which the root partition has "
            "not been grown (the word 'resize' in cmdline.txt does that; backrow provision card takes it out)"
        )
    lines = [
        f"label: dos\nlabel-id: {table.label_id}\nunit: sectors\nsector-size: {sector}\n",
        *(_line(each, int(str(each["size"]))) for each in (boot,)),
        _line(root, data_start - start),
        f"start={data_start}, size={free // align * align}, type=83",
    ]
    return "\n".join(lines) + "\n"


def _round_up(value: int, step: int) -> int:
    return -(-value // step) * step


def _line(partition: Mapping[str, object], size: int) -> str:
    boots = ", bootable" if partition.get("bootable") else ""
    return f"start={partition['start']}, size={size}, type={partition['type']}{boots}"


def filesystem_id(device: str) -> str:
    """Give the identity of this unit's data partition: what an earlier unit left on the same card has another."""
    return str(uuid.uuid5(NAMESPACE, device))
