"""The data partition: made once, found again at every start, and what of it is mounted where.

Where somebody else has mounted `/data` already (a container, a board with another disk), nothing is laid out.
"""

from __future__ import annotations

import json

from provisioning.firstboot.layout import NoRoom, Sizes, Table, filesystem_id, is_laid_out, plan_table
from provisioning.firstboot.machine import Machine, StepFailed

DATA, LABEL = "/data", "backrow-data"
PLACES = {
    "var-lib-backrow": "/var/lib/backrow",
    "etc-backrow": "/etc/backrow",
    "opt-backrow": "/opt/backrow",
}
ONLY_THERE = {"timesync": 0o755, "network": 0o700}


def is_mounted(machine: Machine, place: str) -> bool:
    """Tell whether something is mounted there."""
    return machine.ask("findmnt", "--noheadings", "--output", "TARGET", "--mountpoint", place) == place


def lay_out(machine: Machine, device: str, sizes: Sizes | None = None) -> None:
    """Make the data partition, where there is none of this very unit, and mount it; raises `StepFailed`."""
    if is_mounted(machine, DATA):
        return
    root = machine.ask("findmnt", "--noheadings", "--output", "SOURCE", "/")
    disk = f"/dev/{machine.ask('lsblk', '--noheadings', '--nodeps', '--output', 'PKNAME', root)}"
    partition = lay_out_disk(machine, disk, device=device, root=root, sizes=sizes or Sizes())
    machine.make_folder(DATA)
    machine.run("mount", "-t", "ext4", "-o", "noatime,nodev,nosuid", partition, DATA)


def lay_out_disk(machine: Machine, disk: str, *, device: str, root: str, sizes: Sizes) -> str:
    """Write the table, grow the root file system and make the data partition's; give the partition's name."""
    table = read_table(machine, disk)
    if not is_laid_out(table):
        try:
            script = plan_table(table, sizes)
        except NoRoom as error:
            raise StepFailed(f"{disk}: {error}") from None
        machine.run("sfdisk", "--quiet", "--force", "--no-reread", "--no-tell-kernel", disk, given=script)
    machine.run("partx", "--update", disk)
    machine.run("resize2fs", root)
    (partition,) = (str(each["node"]) for each in read_table(machine, disk).partitions[2:])
    machine.run("udevadm", "settle")
    wanted = filesystem_id(device)
    if machine.ask("blkid", "--probe", "--output", "value", "--match-tag", "UUID", partition) != wanted:
        machine.run("mkfs.ext4", "-q", "-F", "-L", LABEL, "-U", wanted, partition)
    return partition


def read_table(machine: Machine, disk: str) -> Table:
    """Read a disk's partitions; raises `StepFailed`."""
    told = machine.ask("sfdisk", "--json", disk)
    if not told:
        raise StepFailed(f"{disk}: no partition table can be read; write the image anew")
    table = json.loads(told)["partitiontable"]
    size = int(machine.ask("blockdev", "--getsize64", disk) or 0)
    sector = int(table.get("sectorsize", 512))
    return Table(
        label_id=table["id"], sector_bytes=sector, sectors=size // sector, partitions=tuple(table["partitions"])
    )


def attach(machine: Machine) -> bool:
    """Mount what lies on the data partition to its places; tell whether there is a data partition."""
    if not is_mounted(machine, DATA):
        partition = machine.ask("blkid", "--label", LABEL)
        if not partition or not machine.exists(DATA):
            return False
        machine.run("mount", "-t", "ext4", "-o", "noatime,nodev,nosuid", partition, DATA)
    for name, mode in ONLY_THERE.items():
        machine.make_folder(f"{DATA}/{name}", mode)
    for name, place in PLACES.items():
        machine.make_folder(f"{DATA}/{name}")
        machine.make_folder(place)
        if not is_mounted(machine, place):
            machine.run("mount", "--bind", f"{DATA}/{name}", place)
    return True
