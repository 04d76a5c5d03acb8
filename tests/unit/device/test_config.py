"""The unit's configuration: what is accepted, and what each refusal says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

import pytest

from device.config import CameraKind, ConfigError, load_config
from device.pin_settings import PinsKind
from tests.school import encode_toml, make_school, new_id

NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)
TABLES: dict[str, dict[str, Any]] = {
    "device": {"id": new_id(), "label": "Room 12", "data": "data"},
    "controller": {"url": "https://school.example:8443"},
    "broker": {"host": "school.example"},
    "camera": {"kind": "synthetic"},
    "pins": {"kind": "mock"},
}


def _write(folder: Path, changes: Mapping[str, Mapping[str, Any] | None]) -> Path:
    tables = {name: dict(table) for name, table in TABLES.items()}
    for name, table in changes.items():
        if table is None:
            del tables[name]
        else:
            merged = {**tables.get(name, {}), **table}
            tables[name] = {key: value for key, value in merged.items() if value is not None}
    path = folder / "device.toml"
    path.write_text(encode_toml(tables), "utf-8")
    return path


def test_config_with_only_the_required_keys_has_the_designs_defaults(tmp_path: Path) -> None:
    """What is left out is what the design says: 720p25 at 2 Mbit/s, 30 s segments, half-second fragments, 2 hours."""
    config = load_config(_write(tmp_path, {}))
    assert (config.camera.width, config.camera.height, config.camera.fps) == (1280, 720, 25)
    assert config.camera.bitrate_bps == 2_000_000
    assert (config.limits.segment_s, config.limits.recording_s) == (30.0, 7200.0)
    assert config.limits.undo_until == time(18, 0)
    assert (config.broker.port, config.broker.tls) == (8883, True)


def test_relative_paths_are_relative_to_the_configuration(tmp_path: Path) -> None:
    """A unit's folder can be moved as a whole."""
    config = load_config(_write(tmp_path, {"camera": {"kind": "replay", "input": "lesson.mp4"}}))
    assert config.data == tmp_path / "data"
    assert config.camera.input == tmp_path / "lesson.mp4"


def test_units_of_the_tests_school_are_configured_like_this(tmp_path: Path) -> None:
    """The bundle that the tests lay out is one that the unit accepts."""
    unit = make_school(tmp_path, now=NOW).make_unit(tmp_path / "unit")
    config = load_config(unit.config)
    assert config.device.id == unit.device
    assert (config.camera.kind, config.pins.kind) == (CameraKind.SYNTHETIC, PinsKind.MOCK)


def _pi(**keys: float) -> dict[str, dict[str, Any]]:
    return {"camera": {"kind": "picamera2", **keys}}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"camera": {"colour": 1}}, r"\[camera\] colour: unknown key; expected only .*bitrate_bps.*; remove"),
        ({"cameras": {"kind": "replay"}}, r"\[cameras\]: unknown table; expected only .*camera"),
        ({"controller": None}, r"\[controller\]: missing; add the table with at least url"),
        ({"device": {"label": None}}, r'\[device\] label: missing; add a line: label = "…"'),
        ({"camera": {"fps": "fast"}}, r"\[camera\] fps: expected a whole number, got str 'fast'; .*fps = 1"),
        ({"camera": {"fps": True}}, r"\[camera\] fps: expected a whole number, got bool"),
        ({"camera": {"fps": 500}}, r"\[camera\] fps: expected 1 to 120, got 500; correct"),
        ({"camera": {"speed": 0}}, r"\[camera\] speed: expected 0.01 to inf, got 0.0"),
        ({"camera": {"width": 321}}, r"\[camera\] width: expected an even width and height, got 321x720"),
        ({"camera": {"height": 62}}, r"\[camera\] height: expected 64 to 4320, got 62"),
        ({"camera": {"kind": "webcam"}}, r"\[camera\] kind: expected one of 'picamera2', 'replay', 'synthetic', got"),
        ({"camera": {"kind": "replay"}}, r"\[camera\] input: missing; a replay camera needs the video"),
        (
            {"camera": {"rotation_degrees": 90}},
            r"\[camera\] rotation_degrees: does nothing with kind = 'synthetic', got",
        ),
        ({"camera": {"kind": "picamera2", "loop": True}}, r"\[camera\] loop: does nothing with kind = 'picamera2'"),
        (_pi(rotation_degrees=45), r"\[camera\] rotation_degrees: expected one of 0, 90, 180, 270, got 45"),
        (_pi(width=4056), r"\[camera\] width: expected 320 to 1920, got 4056"),
        (_pi(height=721), r"\[camera\] width: expected an even width and height, got 1280x721"),
        (_pi(width=1920, height=1080, fps=50), r"\[camera\] fps: expected at most 1920x1080 at 30 pictures a second"),
        (_pi(bitrate_bps=20_000_000), r"\[camera\] bitrate_bps: expected 200000 to 10000000"),
        (_pi(exposure_us=50_000), r"\[camera\] exposure_us: expected 20 to 40000, got 50000"),
        (_pi(gain=0.5), r"\[camera\] gain: expected 1 to 64, got 0.5"),
        (_pi(exposure_value=9.0), r"\[camera\] exposure_value: expected -4 to 4, got 9.0"),
        (
            _pi(exposure_value=1.0, gain=2.0, exposure_us=9000),
            r"\[camera\] exposure_value: does nothing beside a fixed",
        ),
        (_pi(mains_hz=55), r"\[camera\] mains_hz: expected one of 50, 60, got 55"),
        (_pi(focus_dioptres=-1.0), r"\[camera\] focus_dioptres: expected 0 to 15, got -1.0"),
        ({"microphone": {"kind": "alsa"}}, r"\[microphone\] device: expected with kind = 'alsa', and only there"),
        ({"microphone": {"kind": "auto", "device": "hw:1"}}, r"\[microphone\] device: expected with kind = 'alsa'"),
        ({"microphone": {"latency_ms": 301.0}}, r"\[microphone\] latency_ms: expected -300 to 300, got 301.0"),
        ({"microphone": {"warn_after_s": 0}}, r"\[microphone\] warn_after_s: expected 1 to 600, got 0.0"),
        (
            {"microphone": {"kind": "synthetic"}, "camera": {"speed": 4}},
            r"\[camera\] speed = 4.0 with a \[microphone\] of kind 'synthetic'",
        ),
        ({"device": {"id": "room-12"}}, r"\[device\] id: expected 26 lower-case base32 characters, got 'room-12'"),
        ({"device": {"label": ""}}, r"\[device\] label: expected text, got empty text"),
        (
            {"device": {"label": "Room\x00 12"}},
            r"\[device\] label: expected 1 to 120 characters in one line, got 'Room",
        ),
        ({"device": {"label": "Room\n12"}}, r"\[device\] label: expected 1 to 120 characters in one line, got 'Room"),
        ({"device": {"label": " "}}, r"\[device\] label: expected 1 to 120 characters"),
        ({"device": {"timezone": "Mars/North"}}, r"\[device\] timezone: expected .* like 'Europe/Madrid' .* got 'Mars"),
        ({"controller": {"page": "javascript:alert(1)"}}, r"\[controller\] page: expected the address of the school"),
        ({"controller": {"page": "https://"}}, r"\[controller\] page: expected the address of the school's pages"),
        (
            {"controller": {"page": "https://a/" + "b" * 300}},
            r"\[controller\] page: expected at most 300 bytes, got 310",
        ),
        ({"controller": {"url": "school"}}, r"\[controller\] url: expected https://"),
        ({"broker": {"port": 0}}, r"\[broker\] port: expected 1 to 65535, got 0"),
        ({"broker": {"tls": "no"}}, r"\[broker\] tls: expected true or false, got str 'no'"),
        ({"timings": {"stop_s": 7}}, r"\[timings\] stop_s: expected debounce_s < .* < stuck_s"),
        ({"timings": {"stuck_s": 1e9}}, r"\[timings\] stuck_s: expected 0.01 to 60, got 1000000000.0"),
        ({"timings": {"double_tap_s": 4.0, "stop_s": 5.0}}, r"\[timings\] double_tap_s: expected 0.002 to 3, got 4.0"),
        ({"limits": {"segment_s": 0}}, r"\[limits\] segment_s: expected 1 to 600, got 0.0"),
        ({"limits": {"undo_until": "late"}}, r"\[limits\] undo_until: expected a time of day, got str 'late'"),
        ({"upload": {"chunk_bytes": 1}}, r"\[upload\] chunk_bytes: expected 1024 to"),
        ({"agent": {"presence_every_s": 0}}, r"\[agent\] presence_every_s: expected 0.01 to"),
    ],
)
def test_config_that_is_wrong_is_refused_in_words(
    tmp_path: Path, changes: Mapping[str, Mapping[str, Any] | None], expected: str
) -> None:
    """Every refusal names file, table and key, what was expected and found, and what to do."""
    path = _write(tmp_path, changes)
    with pytest.raises(ConfigError, match=f"^{re.escape(str(path))}: {expected}"):
        load_config(path)


@pytest.mark.parametrize(
    ("camera", "pins"), [("synthetic", "mock"), ("synthetic", "gpio"), ("replay", "gpio"), ("picamera2", "mock")]
)
def test_production_refuses_what_only_pretends(tmp_path: Path, camera: str, pins: str) -> None:
    """A unit that says production never records a film, a drawing, or at the word of a mock button."""
    changes: dict[str, dict[str, Any]] = {
        "device": {"production": True},
        "camera": {"kind": camera, "input": "lesson.mp4" if camera == "replay" else None},
        "pins": {"kind": pins},
    }
    with pytest.raises(ConfigError, match="would only pretend to record"):
        load_config(_write(tmp_path, changes))


def test_production_refuses_a_microphone_that_only_pretends(tmp_path: Path) -> None:
    """A lesson with beeps instead of voices is no recording of it."""
    changes: dict[str, dict[str, Any]] = {
        "device": {"production": True},
        "camera": {"kind": "picamera2"},
        "microphone": {"kind": "synthetic"},
        "pins": {"kind": "gpio"},
    }
    with pytest.raises(ConfigError, match=r"\[microphone\] kind = 'synthetic' would only pretend"):
        load_config(_write(tmp_path, changes))


@pytest.mark.parametrize(
    "change", [{"controller": {"url": "http://localhost"}}, {"broker": {"host": "::1", "tls": False}}]
)
def test_production_refuses_what_is_not_encrypted(tmp_path: Path, change: dict[str, dict[str, Any]]) -> None:
    """Names and times of lessons travel under TLS or not at all."""
    changes: dict[str, dict[str, Any]] = {
        "device": {"production": True},
        "camera": {"kind": "picamera2"},
        "pins": {"kind": "gpio"},
    }
    with pytest.raises(ConfigError, match="is not encrypted; use https://"):
        load_config(_write(tmp_path, {**changes, **change}))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"controller": {"url": "http://school.example"}},
            r"\[controller\] url: expected https://.* this machine alone",
        ),
        ({"controller": {"url": "https://"}}, r"\[controller\] url: expected https://"),
        ({"controller": {"url": "http://[::1"}}, r"\[controller\] .*Invalid IPv6 URL"),
        ({"broker": {"tls": False}}, r"\[broker\] tls: expected true, .* this machine .* got 'school.example'"),
    ],
)
def test_nothing_goes_without_tls_beyond_this_machine(
    tmp_path: Path, change: dict[str, dict[str, Any]], words: str
) -> None:
    """Also a unit for tests: what leaves the machine is encrypted, and that is said before a process starts."""
    with pytest.raises(ConfigError, match=words):
        load_config(_write(tmp_path, change))


def test_loopback_needs_no_tls(tmp_path: Path) -> None:
    """The demo and the tests speak in the clear with themselves."""
    plain = {"controller": {"url": "http://127.0.0.1:8443"}, "broker": {"host": "127.0.0.1", "tls": False}}
    assert load_config(_write(tmp_path, plain)).broker.tls is False


def test_production_says_where_its_sound_comes_from(tmp_path: Path) -> None:
    """A forgotten table would be a year of lessons without sound: `none` must be written down."""
    changes: dict[str, dict[str, Any]] = {
        "device": {"production": True},
        "camera": {"kind": "picamera2"},
        "pins": {"kind": "gpio"},
    }
    with pytest.raises(ConfigError, match=r"\[microphone\]: missing; .* kind = 'auto'"):
        load_config(_write(tmp_path, changes))
    load_config(_write(tmp_path, {**changes, "microphone": {"kind": "none"}}))


def test_production_accepts_the_real_parts(tmp_path: Path) -> None:
    """The Pi's camera and pins are what production means."""
    changes: dict[str, dict[str, Any]] = {
        "device": {"production": True},
        "camera": {"kind": "picamera2"},
        "microphone": {"kind": "auto"},
        "pins": {"kind": "gpio"},
    }
    assert load_config(_write(tmp_path, changes)).pretends == ()


def test_config_that_is_missing_says_which_option_names_it(tmp_path: Path) -> None:
    """A wrong path is the first mistake that everybody makes."""
    with pytest.raises(ConfigError, match=r"nowhere\.toml: cannot be read: No such file.*--config"):
        load_config(tmp_path / "nowhere.toml")


def test_config_that_is_no_toml_says_where(tmp_path: Path) -> None:
    """The parser's place in the file is handed on."""
    path = tmp_path / "device.toml"
    path.write_text("[device\n")
    with pytest.raises(ConfigError, match=r"expected TOML in UTF-8: .*line 1"):
        load_config(path)


def test_bad_sound_is_told_after_twenty_seconds_unless_said_otherwise(tmp_path: Path) -> None:
    """The design's promise is the default: a lesson without sound is not found out at its end."""
    assert load_config(_write(tmp_path, {})).microphone.warn_after_s == 20.0
