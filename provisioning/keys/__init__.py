"""The school's keys: the ceremony that makes them, their rotation, their record, and the drill of their backup.

    keys = make_school_keys("Rosa Parks", ("box.school.example",), now=now, weeks=12, generate=generate_x25519)
    store_school_keys(folder, keys)

Defined in docs/protocol/keys.md.
"""

from provisioning.keys.ceremony import RootPart, SchoolKeys, make_school_keys
from provisioning.keys.epochs import EpochKey, plan_epochs
from provisioning.keys.errors import KeysError
from provisioning.keys.folder import require_new_folder, store_school_keys

__all__ = [
    "EpochKey",
    "KeysError",
    "RootPart",
    "SchoolKeys",
    "make_school_keys",
    "plan_epochs",
    "require_new_folder",
    "store_school_keys",
]
