"""The controller's configuration: `controller.toml`, read once, strictly, and passed on as a frozen value.

Whatever is missing, unknown, of another type or unsafe is refused with the file, the table, the key, what was expected
and what was found. Paths may be relative to the file. Nothing here opens a socket, a database or a key.
"""

from __future__ import annotations

import tomllib
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from controller.calendar.window import Window, parse_window
from controller.errors import ConfigError
from protocol.loopback import is_loopback

Table = TypeVar("Table")
GIB = 1024 * 1024 * 1024
LANGUAGES = {"en": "English", "es": "Español"}
"""The languages that the pages are shown in: the folders of controller/translations, by their own names."""
LONGEST_SITE = 260  # with a room's page still an address that the QR code of a room card can hold
MOST = 2**53 - 1  # what every reader of JSON understands


@dataclass(frozen=True, kw_only=True)
class Core:
    """`[controller]`: where things lie. A restored controller is given a higher `generation`.

    `keys_backup`: the one place where a copy of the identities in `keys` is kept, so that they are destroyed there too.
    """

    data: Path
    keys: Path
    key_store: Path
    keys_backup: Path | None = None
    database: str = ""
    language: str = "en"
    time_zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    generation: int = 1


@dataclass(frozen=True, kw_only=True)
class People:
    """`[people]`: the listener for browsers. Without a certificate only on loopback."""

    host: str = "127.0.0.1"
    port: int = 8080
    url: str = ""
    tls_certificate: Path | None = None
    tls_key: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Units:
    """`[units]`: the listener for units. With TLS a client certificate of the school's CA is required.

    Units are told `url`, where they reach it at another address than the one at which it listens. Each body holds one
    of its `threads` from its first byte to its last: as many as units may send at a time, and a quarter more; above
    1,250 one process gains nothing (docs/adr/0024-the-controller-reads-no-faster.md).
    """

    host: str = "127.0.0.1"
    port: int = 8443
    tls: bool = True
    url: str = ""
    threads: int = 256

    @property
    def address(self) -> str:
        """Give the address that units are told."""
        return self.url.rstrip("/") or f"{'https' if self.tls else 'http'}://{self.host}:{self.port}"


@dataclass(frozen=True, kw_only=True)
class Broker:
    """`[broker]`: where the bridge finds MQTT; with TLS the bridge proves itself with a certificate.

    Units are told `units_host` and `units_port`, where the broker listens to them at another place than to the bridge.
    """

    host: str = "127.0.0.1"
    port: int = 1883
    tls: bool = False
    certificate: Path | None = None
    key: Path | None = None
    units_host: str = ""
    units_port: int = 0


@dataclass(frozen=True, kw_only=True)
class Uploads:
    """`[uploads]`: when units may send, how fast all of them together, and how much the controller takes.

    `reserve_bytes` of the disk are never used by uploads; `low_bytes` (else twice as much) must stay free beyond what
    leases may bring; one that had to be refused, none is granted below `high_bytes` (else four times as much). Of one
    unit: what it may have here unfinished, what it may deliver in 24 hours, and how much of its damage is kept.
    """

    window: Window = field(default_factory=lambda: parse_window("22:00-06:00"))
    rate_bps: int = 100_000_000
    lease_s: int = 900
    tick_s: int = 30
    max_object_bytes: int = 2 * GIB
    reserve_bytes: int = 5 * GIB
    low_bytes: int | None = None
    high_bytes: int | None = None
    unit_unfinished_uploads: int = 64
    unit_unfinished_bytes: int = 8 * GIB
    unit_daily_uploads: int = 20_000
    unit_daily_bytes: int = 256 * GIB
    unit_daily_recordings: int = 1_000
    quarantine_bytes: int = 2 * GIB

    @property
    def low_mark_bytes(self) -> int:
        """Give how much of the disk leases leave free."""
        return 2 * self.reserve_bytes if self.low_bytes is None else self.low_bytes

    @property
    def high_mark_bytes(self) -> int:
        """Give how much must be free before leases are granted again."""
        return max(4 * self.reserve_bytes, self.low_mark_bytes) if self.high_bytes is None else self.high_bytes


@dataclass(frozen=True, kw_only=True)
class Retention:
    """`[retention]`: how long a deletion can be undone, quarantine, keys of old copies and units' copies last."""

    delete_undo_days: int = 7
    quarantine_days: int = 30
    epoch_end_days: int = 14
    storage_rotation_days: int = 30
    keep_delivered_days: int = 7


@dataclass(frozen=True, kw_only=True)
class Scrub:
    """`[scrub]`: in how many days everything that is held is read back once, and how fast at most."""

    cycle_days: int = 30
    bytes_per_s: int = 20_000_000


@dataclass(frozen=True, kw_only=True)
class Nights:
    """`[nights]`: for how many days sums of the nights and of the line's use are kept."""

    kept_days: int = 60


@dataclass(frozen=True, kw_only=True)
class Config:
    """The whole configuration."""

    controller: Core
    people: People = field(default_factory=People)
    units: Units = field(default_factory=Units)
    broker: Broker = field(default_factory=Broker)
    uploads: Uploads = field(default_factory=Uploads)
    retention: Retention = field(default_factory=Retention)
    scrub: Scrub = field(default_factory=Scrub)
    nights: Nights = field(default_factory=Nights)

    @property
    def database_url(self) -> str:
        """Give the database's URL: the one configured, or SQLite in the data folder."""
        return self.controller.database or f"sqlite:///{self.controller.data / 'controller.sqlite3'}"

    @property
    def people_url(self) -> str:
        """Give the address at which people, and units that join, reach the people's listener."""
        scheme = "https" if self.people.tls_certificate else "http"
        return self.people.url.rstrip("/") or f"{scheme}://{self.people.host}:{self.people.port}"


def load_config(path: Path) -> Config:
    """Read `controller.toml`; raise `ConfigError` that names file, table, key, expected and got."""
    try:
        mapping = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as TOML: {error}") from None
    return parse_config(mapping, path)


def parse_config(mapping: Mapping[str, Any], path: Path) -> Config:
    """Build the configuration from parsed TOML; `path` is named in errors and anchors relative paths."""
    config = _Parser(path).table(Config, mapping, "")
    _require_sensible(config, path)
    _require_safe(config, path)
    return config


class _Parser:
    """Turns TOML values into fields of frozen dataclasses."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def table(self, kind: type[Table], mapping: Mapping[str, Any], name: str) -> Table:
        known = {item.name: item for item in fields(typing.cast("Any", kind))}
        for key in mapping.keys() - known.keys():
            raise self._error(name, key, f"expected one of {sorted(known)}, got a key that nothing reads")
        kinds = typing.get_type_hints(kind)
        values = {
            key: self._value(kinds[key], mapping[key], (name, key))
            for key, item in known.items()
            if key in mapping or self._required(item, (name, key))
        }
        return kind(**values)

    def _required(self, item: Field[Any], where: tuple[str, str]) -> bool:
        if item.default is MISSING and item.default_factory is MISSING:
            raise self._error(*where, "missing")
        return False

    def _value(self, kind: Any, value: Any, where: tuple[str, str]) -> Any:
        if isinstance(kind, types.UnionType):
            kind = typing.get_args(kind)[0]
        if kind in (int, bool):
            return self._whole(kind, value, where)
        if kind in (str, Path, ZoneInfo, Window):
            return self._text(kind, value, where)
        if not isinstance(value, dict):
            raise self._error(*where, f"expected a table, got {value!r}")
        return self.table(kind, value, where[1])

    def _whole(self, kind: type[int], value: Any, where: tuple[str, str]) -> int:
        if type(value) is not kind:
            raise self._error(
                *where, f"expected {'true or false' if kind is bool else 'a whole number'}, got {value!r}"
            )
        low, high = RANGES.get(where, (1, MOST)) if kind is int else (False, True)
        if not low <= value <= high:
            raise self._error(*where, f"expected a whole number from {low} to {high}, got {value}")
        return value

    def _text(self, kind: Any, value: Any, where: tuple[str, str]) -> Any:
        if not isinstance(value, str):
            raise self._error(*where, f"expected text, got {value!r}")
        if kind is Path:
            return self._path.absolute().parent / Path(value).expanduser()
        try:
            return parse_window(value) if kind is Window else kind(value)
        except (ValueError, KeyError, OSError) as error:
            raise self._error(*where, f"expected {_FORMS[kind]}, got {value!r}: {error}") from None

    def _error(self, table: str, key: str, what: str) -> ConfigError:
        return ConfigError(f"{self._path}: {f'[{table}] ' if table else ''}{key}: {what}")


RANGES = {
    ("controller", "generation"): (1, 2**31 - 1),
    ("people", "port"): (1, 65_535),
    ("units", "port"): (1, 65_535),
    ("units", "threads"): (8, 4_096),
    ("broker", "port"): (1, 65_535),
    ("broker", "units_port"): (0, 65_535),
    ("uploads", "lease_s"): (1, 86_400),
    ("uploads", "tick_s"): (1, 3_600),
    ("nights", "kept_days"): (2, 3_650),
    ("scrub", "cycle_days"): (1, 365),
    ("scrub", "bytes_per_s"): (100_000, MOST),
    ("retention", "delete_undo_days"): (1, 3_650),
    ("retention", "quarantine_days"): (1, 3_650),
    ("retention", "epoch_end_days"): (1, 3_650),
    ("retention", "storage_rotation_days"): (1, 3_650),
    ("retention", "keep_delivered_days"): (0, 3_650),
}
"""The least and the most of a whole number, by table and key; all others are above zero."""

_FORMS: dict[Any, str] = {
    ZoneInfo: "a time zone like 'Europe/Zurich'",
    Window: "a window like '22:00-06:00', or 'always'",
    str: "text",
}


def _require_sensible(config: Config, path: Path) -> None:
    language, people, units = config.controller.language, config.people, config.units
    if language not in LANGUAGES:
        raise ConfigError(f"{path}: [controller] language: expected one of {sorted(LANGUAGES)}, got {language!r}")
    if people.url and not _is_site(people.url):
        raise ConfigError(
            f"{path}: [people] url: expected the address of the pages as browsers reach them, like "
            f"'https://backrow.school.example', of at most {LONGEST_SITE} characters, got {people.url[:LONGEST_SITE]!r}"
        )
    if units.url and not (_is_site(units.url) and units.url.startswith("https://")):
        raise ConfigError(
            f"{path}: [units] url: expected the address of the units' listener as units reach it, like "
            f"'https://backrow.school.example:8443', got {units.url[:LONGEST_SITE]!r}"
        )
    marks = (config.uploads.reserve_bytes, config.uploads.low_mark_bytes, config.uploads.high_mark_bytes)
    if list(marks) != sorted(marks):
        raise ConfigError(
            f"{path}: [uploads] reserve_bytes, low_bytes, high_bytes: expected each at least as large as the one "
            f"before, got {marks[0]}, {marks[1]}, {marks[2]}"
        )
    if (people.host, people.port) == (units.host, units.port):
        raise ConfigError(
            f"{path}: [people] port and [units] port: expected two different ones at {people.host}, got {people.port} "
            "for both"
        )


def _is_site(url: str) -> bool:
    try:
        parts = urlsplit(url)
        has_host = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False
    rest = (parts.username, parts.query, parts.fragment, parts.path.strip("/"))
    is_shown = url.isascii() and url.isprintable() and " " not in url and len(url) <= LONGEST_SITE
    return has_host and parts.scheme in ("http", "https") and not any(rest) and is_shown


def _require_safe(config: Config, path: Path) -> None:
    people, units, broker = config.people, config.units, config.broker
    pairs = {
        "people": ("tls_certificate", people.tls_certificate, "tls_key", people.tls_key),
        "broker": ("certificate", broker.certificate, "key", broker.key),
    }
    for table, (certificate_name, certificate, key_name, key) in pairs.items():
        if (certificate is None) != (key is None):
            raise ConfigError(f"{path}: [{table}] {certificate_name} and {key_name}: expected both or neither")
    if broker.tls and not broker.certificate:
        raise ConfigError(f"{path}: [broker] certificate: missing; with tls = true the bridge must prove itself")
    encrypted = {"people": bool(people.tls_certificate), "units": units.tls, "broker": broker.tls}
    for table, host in (("people", people.host), ("units", units.host), ("broker", broker.host)):
        if not encrypted[table] and not is_loopback(host):
            raise ConfigError(
                f"{path}: [{table}] host: expected a loopback address while there is no TLS, got {host!r}; "
                f"{_TLS_ADVICE[table]}"
            )


_TLS_ADVICE = {
    "people": "set tls_certificate and tls_key, or put a proxy with TLS on the same machine",
    "units": "set tls = true",
    "broker": "set tls = true",
}
