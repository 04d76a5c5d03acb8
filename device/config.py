"""The unit's configuration: `device.toml` into frozen values, strictly.

An unknown key, a wrong type, a missing key or a value out of range is refused with the file, the table, the key, what
was expected, what was found and what to do. Nothing here is global: whoever needs the configuration is given it.
Relative paths are relative to the configuration's own folder. Described in docs/ARCHITECTURE.md.
"""

from __future__ import annotations

import itertools
import tomllib
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, replace
from datetime import time
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from device.camera_settings import CameraKind, CameraTable
from device.microphone_settings import MicrophoneKind, MicrophoneTable
from device.pin_settings import ButtonTable, PinsKind, PinsTable
from device.ranges import require_range as _require_range
from device.unit_settings import ControllerTable, DeviceTable, EnrollmentTable
from protocol.loopback import is_loopback

Table = TypeVar("Table")


class ConfigError(Exception):
    """The configuration cannot be used: which file, table and key, what was expected and found, and what to do."""


@dataclass(frozen=True, kw_only=True)
class BrokerTable:
    """Where the MQTT broker is."""

    host: str
    port: int = 8883
    tls: bool = True

    def __post_init__(self) -> None:
        """Refuse a port that is none, and a broker without TLS beyond this machine (docs/protocol/mqtt.md)."""
        _require_range("port", self.port, 1, 65_535)
        if not self.tls and not is_loopback(self.host):
            raise ValueError(f"tls: expected true, for only on this machine a broker goes without, got {self.host!r}")


@dataclass(frozen=True, kw_only=True)
class TimingsTable:
    """How long gestures last, for hands that need other times, and how often the recorder looks around.

    A hold of `stop_s` to `stop_until_s` stops, of `discard_s` to `stuck_s` discards, a longer one is a stuck button.
    Within `settle_s` after the start taps are nervous ones. `stale_s` without durable bytes are a fault; `hopeless_s`
    more, and the camera is started anew, with waits from `retry_min_s`, doubled up to `retry_max_s`. What does not
    answer for `hang_s` is freed by a restart. A press waits `seats_s` for the seats to be checked; a pause is heard
    each `remind_s`.
    """

    debounce_s: float = 0.03
    double_tap_s: float = 0.4
    stop_s: float = 2.0
    stop_until_s: float = 5.0
    discard_s: float = 6.0
    stuck_s: float = 10.0
    settle_s: float = 3.0
    stale_s: float = 3.0
    release_every_s: float = 5.0
    hopeless_s: float = 12.0
    retry_min_s: float = 1.0
    retry_max_s: float = 30.0
    hang_s: float = 30.0
    seats_s: float = 60.0
    remind_s: float = 60.0

    def __post_init__(self) -> None:
        """Refuse times that overlap, and holds that no hand could keep or nobody would wait for."""
        _require_range("debounce_s", self.debounce_s, 0.001, 0.5)
        _require_range("double_tap_s", self.double_tap_s, 0.002, 3)
        for name in ("stop_s", "stop_until_s", "discard_s", "stuck_s"):
            _require_range(name, getattr(self, name), 0.01, 60)
        _require_range("settle_s", self.settle_s, 0, 30)
        _require_range("stale_s", self.stale_s, 1, 30)
        _require_range("release_every_s", self.release_every_s, 0.05, 3600)
        _require_range("hopeless_s", self.hopeless_s, 1, 300)
        _require_range("retry_min_s", self.retry_min_s, 0.05, 60)
        _require_range("retry_max_s", self.retry_max_s, self.retry_min_s, 600)
        _require_range("hang_s", self.hang_s, 5, 300)
        _require_range("seats_s", self.seats_s, 5, 600)
        _require_range("remind_s", self.remind_s, 1, 600)
        ladder = (self.debounce_s, self.double_tap_s, self.stop_s, self.stop_until_s, self.discard_s, self.stuck_s)
        if any(low >= high for low, high in itertools.pairwise(ladder)):
            raise ValueError(
                "stop_s: expected debounce_s < double_tap_s < stop_s < stop_until_s < discard_s < stuck_s, "
                f"got {ladder}"
            )


@dataclass(frozen=True, kw_only=True)
class LimitsTable:
    """Where a recording and a pause end by themselves, how media are cut, what must be free before a recording begins,
    and until when (by the school's clock) a discard can be undone; a recorder that has just started waits
    `undo_grace_s` for an undo that was given while the unit was off.
    """

    recording_s: float = 7200.0
    pause_s: float = 1800.0
    segment_s: float = 30.0
    spool_reserve_bytes: int = 64 * 1024 * 1024
    lesson_bytes: int = 1024 * 1024 * 1024
    undo_until: time = time(18, 0)
    undo_grace_s: float = 1800.0

    def __post_init__(self) -> None:
        """Refuse cuts that make no sense."""
        _require_range("recording_s", self.recording_s, 1, 12 * 3600)
        _require_range("pause_s", self.pause_s, 1, 12 * 3600)
        _require_range("undo_grace_s", self.undo_grace_s, 0, 86_400)
        _require_range("segment_s", self.segment_s, 1, 600)
        _require_range("spool_reserve_bytes", self.spool_reserve_bytes, 1024 * 1024, 2**40)
        _require_range("lesson_bytes", self.lesson_bytes, 1024 * 1024, 2**40)


@dataclass(frozen=True, kw_only=True)
class AgentTable:
    """How often the agent speaks."""

    presence_every_s: float = 60.0
    health_every_s: float = 60.0
    spool_every_s: float = 900.0
    reconnect_min_s: float = 1.0
    reconnect_max_s: float = 120.0

    def __post_init__(self) -> None:
        """Refuse times that are no intervals."""
        for each in fields(self):
            _require_range(each.name, getattr(self, each.name), 0.01, 86_400)


@dataclass(frozen=True, kw_only=True)
class UploadTable:
    """How the uploader works; the rate itself comes with the lease."""

    look_every_s: float = 5.0
    chunk_bytes: int = 4 * 1024 * 1024
    timeout_s: float = 30.0
    retry_min_s: float = 1.0
    retry_max_s: float = 300.0

    def __post_init__(self) -> None:
        """Refuse times that are no intervals, and requests that never end."""
        for name in ("look_every_s", "timeout_s", "retry_min_s", "retry_max_s"):
            _require_range(name, getattr(self, name), 0.01, 86_400)
        _require_range("chunk_bytes", self.chunk_bytes, 1024, 256 * 1024 * 1024)


@dataclass(frozen=True, kw_only=True)
class DeviceConfig:
    """The whole configuration of one unit."""

    device: DeviceTable
    controller: ControllerTable
    broker: BrokerTable
    camera: CameraTable
    pins: PinsTable
    microphone: MicrophoneTable = field(default_factory=MicrophoneTable)
    button: ButtonTable = field(default_factory=ButtonTable)
    timings: TimingsTable = field(default_factory=TimingsTable)
    limits: LimitsTable = field(default_factory=LimitsTable)
    agent: AgentTable = field(default_factory=AgentTable)
    upload: UploadTable = field(default_factory=UploadTable)
    enrollment: EnrollmentTable = field(default_factory=EnrollmentTable)

    @property
    def data(self) -> Path:
        """Give the folder under which everything of the unit lies."""
        return self.device.data

    @property
    def keys(self) -> Path:
        """Give the folder of the private keys."""
        return self.device.keys or self.data / "identity"

    @property
    def certificate(self) -> Path:
        """Give the file of the unit's certificate, which is renewed; its key lies with the keys and stays."""
        return self.data / "certificate" / "tls.pem"

    def with_keys(self, folder: Path) -> DeviceConfig:
        """Take the private keys from `folder`, where the service manager has laid them for this process alone."""
        return replace(self, device=replace(self.device, keys=folder))

    @property
    def pretends(self) -> tuple[str, ...]:
        """Name what of this unit only pretends: a camera that sees no room, a microphone that hears none, pins."""
        parts = []
        if self.camera.kind is not CameraKind.PICAMERA2:
            parts.append(f"[camera] kind = {self.camera.kind.value!r}")
        if self.microphone.kind is MicrophoneKind.SYNTHETIC:
            parts.append(f"[microphone] kind = {self.microphone.kind.value!r}")
        if self.pins.kind is not PinsKind.GPIO:
            parts.append(f"[pins] kind = {self.pins.kind.value!r}")
        return tuple(parts)


def load_config(path: Path) -> DeviceConfig:
    """Read `device.toml`; raise `ConfigError` that says where, what was expected, what was found and what to do."""
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}; name the file with --config") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: expected TOML in UTF-8: {error}; correct the place that it names") from None
    config = _parse_config(document, path)
    if config.microphone.kind is not MicrophoneKind.NONE and config.camera.speed != 1:
        raise ConfigError(
            f"{path}: [camera] speed = {config.camera.speed} with a [microphone] of kind "
            f"{config.microphone.kind.value!r}: a microphone hears at the pace of the world; remove the speed, or set "
            "the microphone to 'none'"
        )
    if config.device.production:
        _require_production(config, path)
        if "microphone" not in document:
            raise ConfigError(
                f"{path}: [microphone]: missing; a unit in a classroom says where its sound comes from: kind = 'auto' "
                "for the USB microphone that is there, 'alsa' for a named one, or 'none'"
            )
    return config


def _require_production(config: DeviceConfig, path: Path) -> None:
    """Refuse in production what only pretends, and what would travel in the clear."""
    if config.pretends:
        raise ConfigError(
            f"{path}: [device] production = true, but {' and '.join(config.pretends)} would only pretend to record "
            "a room; configure the real camera and pins, or set production = false on a unit for tests"
        )
    if not config.controller.url.startswith("https://") or not config.broker.tls:
        raise ConfigError(
            f"{path}: [device] production = true, but [controller] url = {config.controller.url!r} with [broker] tls = "
            f"{str(config.broker.tls).lower()} is not encrypted; use https:// and tls = true"
        )


def _parse_config(document: Mapping[str, Any], path: Path) -> DeviceConfig:
    kinds = typing.get_type_hints(DeviceConfig)
    known = {each.name: each for each in fields(DeviceConfig)}
    for name in document:
        if name not in known:
            raise ConfigError(f"{path}: [{name}]: unknown table; expected only {_names(known)}; remove or correct it")
    tables = {}
    for name, each in known.items():
        if name in document:
            tables[name] = _parse_table(kinds[name], document[name], f"{path}: [{name}]", path.parent)
        elif each.default_factory is MISSING:
            raise ConfigError(f"{path}: [{name}]: missing; add the table with at least {_required(kinds[name])}")
    return DeviceConfig(**tables)


def _parse_table(kind: type[Table], table: Any, where: str, folder: Path) -> Table:
    if not isinstance(table, dict):
        raise ConfigError(f"{where}: expected a table, got {_describe(table)}; write it as [name] with keys below")
    hints = typing.get_type_hints(kind)
    known = {each.name: each for each in fields(typing.cast("Any", kind))}
    for name in table:
        if name not in known:
            raise ConfigError(f"{where} {name}: unknown key; expected only {_names(known)}; remove or correct it")
    for name, each in known.items():
        if name not in table and _is_required(each):
            raise ConfigError(f"{where} {name}: missing; add a line: {name} = {_example(hints[name])}")
    values = {name: _parse_value(hints[name], value, f"{where} {name}", folder) for name, value in table.items()}
    try:
        return kind(**values)
    except ValueError as error:
        raise ConfigError(f"{where} {error}; correct the value or remove the line for the default") from None


def _parse_value(kind: Any, value: Any, where: str, folder: Path) -> Any:
    if isinstance(kind, types.UnionType):
        (kind,) = (option for option in typing.get_args(kind) if option is not type(None))
    if kind is float and type(value) is int:
        return float(value)
    if kind is Path and isinstance(value, str) and value:
        return folder / value
    if isinstance(kind, type) and issubclass(kind, StrEnum) and value in [item.value for item in kind]:
        return kind(value)
    if type(value) is kind and value != "":
        return value
    raise ConfigError(
        f"{where}: expected {_expectation(kind)}, got {_describe(value)}; write for example: "
        f"{where.rsplit(' ', 1)[-1]} = {_example(kind)}"
    )


def _is_required(each: Field[Any]) -> bool:
    return each.default is MISSING and each.default_factory is MISSING


def _required(kind: Any) -> str:
    return _names([each.name for each in fields(kind) if _is_required(each)])


def _names(names: typing.Iterable[str]) -> str:
    return ", ".join(sorted(names))


def _expectation(kind: Any) -> str:
    if issubclass(kind, StrEnum):
        return "one of " + ", ".join(repr(item.value) for item in kind)
    words = {
        time: "a time of day",
        str: "text",
        int: "a whole number",
        float: "a number",
        bool: "true or false",
        Path: "a path as text",
    }
    return words[kind]


def _example(kind: Any) -> str:
    if isinstance(kind, types.UnionType):
        kind = typing.get_args(kind)[0]
    if issubclass(kind, StrEnum):
        return f'"{next(iter(kind)).value}"'
    return {time: "18:00:00", str: '"…"', int: "1", float: "1.0", bool: "false", Path: '"/var/lib/backrow"'}[kind]


def _describe(value: Any) -> str:
    return "empty text" if value == "" else f"{type(value).__name__} {str(value)[:60]!r}"
