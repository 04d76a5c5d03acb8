"""A unit's bundle: the folder that is copied onto a unit's card, with its configuration, identity and documents.

Made whole beside its place and then renamed. Holds secrets: its files are for their owner alone. The layout is that of
docs/ARCHITECTURE.md ("The unit's files"); what device.toml may say is the unit's own business.
"""

from __future__ import annotations

import shutil
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time
from pathlib import Path
from typing import Any

from controller.errors import OperatorError
from protocol.durable import PRIVATE, SHARED, replace_file
from protocol.signing import VerifyingKey

Tables = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """What a unit joins with: everything but private keys, which it makes itself."""

    tables: Tables
    root: VerifyingKey
    authority_pem: bytes
    state: Mapping[str, bytes]
    """Signed lines by the name of their file in `state/`."""
    secret: str = field(repr=False)


def store_bundle(folder: Path, bundle: Bundle) -> None:
    """Write a bundle to `folder`, which does not exist yet or is empty; raise `OperatorError`."""
    try:
        if folder.exists() and any(folder.iterdir()):
            raise OperatorError(f"{folder}: expected a new or empty folder: a unit's bundle is never overwritten")
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        try:
            _write(draft, bundle)
            draft.replace(folder)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
    except OSError as error:
        raise OperatorError(f"{folder}: the bundle cannot be written: {error}; nothing was entered") from None


def _write(folder: Path, bundle: Bundle) -> None:
    identity, state = folder / "data" / "identity", folder / "data" / "state"
    for path in (folder / "data", identity, state):
        path.mkdir(mode=0o750)
    replace_file(folder / "device.toml", encode_tables(bundle.tables).encode(), mode=SHARED)
    replace_file(folder / "secret", f"{bundle.secret}\n".encode(), mode=PRIVATE)
    replace_file(identity / "root.pub", f"{bundle.root.encode()}\n".encode(), mode=SHARED)
    replace_file(identity / "ca.pem", bundle.authority_pem, mode=SHARED)
    for name, line in bundle.state.items():
        replace_file(state / name, line, mode=SHARED)


def encode_tables(tables: Tables) -> str:
    """Write tables of texts, numbers, truth values, times of day and lists of them as TOML."""
    blocks = (
        "\n".join([f"[{name}]", *(f"{key} = {_value(v)}" for key, v in keys.items())]) for name, keys in tables.items()
    )
    return "\n\n".join(blocks) + "\n"


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, time):
        return value.isoformat()
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(char if char.isprintable() else f"\\U{ord(char):08x}" for char in text) + '"'


def parse_settings(settings: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """Read `table.key=value` settings; a value is TOML, and what is no TOML is text. Raise `OperatorError`."""
    tables: dict[str, dict[str, Any]] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        table, dot, key = name.strip().partition(".")
        if not (equals and dot and table.isidentifier() and key.isidentifier()):
            raise OperatorError(f"--set {setting}: expected table.key=value, for example camera.kind=replay")
        tables.setdefault(table, {})[key] = _parse_value(text.strip())
    return tables


def _parse_value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
