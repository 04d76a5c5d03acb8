"""controller.toml: what is taken, what is refused, and in which words."""

from __future__ import annotations

from pathlib import Path

import pytest

from controller.config import load_config
from controller.errors import ConfigError

LEAST = '[controller]\ndata = "data"\nkeys = "keys"\nkey_store = "store"\n'


def load(folder: Path, text: str) -> object:
    """Write a configuration and load it."""
    path = folder / "controller.toml"
    path.write_text(text)
    return load_config(path)


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    """A configuration that says little gets absolute paths beside itself and a database in the data folder."""
    (tmp_path / "controller.toml").write_text(LEAST)
    config = load_config(tmp_path / "controller.toml")
    assert config.controller.key_store == tmp_path / "store"
    assert config.database_url == f"sqlite:///{tmp_path}/data/controller.sqlite3"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", r"controller\.toml: controller: missing"),
        ("[controller", r"controller\.toml: cannot be read as TOML"),
        ('[controller]\ndata = "d"\nkeys = "k"\n', r"\[controller\] key_store: missing"),
        (LEAST + 'color = "red"\n', r"\[controller\] color: expected one of .* got a key that nothing reads"),
        (LEAST + "[weather]\n", r"weather: expected one of"),
        (LEAST + "[uploads]\nrate_bps = true\n", r"\[uploads\] rate_bps: expected a whole number, got True"),
        (LEAST + "[uploads]\nrate_bps = 0\n", r"\[uploads\] rate_bps: expected a whole number from 1 to \d+, got 0"),
        (LEAST + '[uploads]\nwindow = "22-6"\n', r"\[uploads\] window: expected a window like '22:00-06:00'"),
        (LEAST.replace('"data"', "5"), r"\[controller\] data: expected text, got 5"),
        (LEAST + 'time_zone = "Mars/North"\n', r"\[controller\] time_zone: expected a time zone"),
        (LEAST + '[people]\nhost = "0.0.0.0"\n', r"\[people\] host: expected a loopback address while there is no TLS"),
        (LEAST + '[units]\nhost = "10.0.0.1"\ntls = false\n', r"\[units\] host: .* set tls = true"),
        (LEAST + '[broker]\nhost = "broker.school"\n', r"\[broker\] host: expected a loopback address"),
        (LEAST + "[broker]\ntls = true\n", r"\[broker\] certificate: missing"),
        (LEAST + '[people]\ntls_key = "k"\n', r"\[people\] tls_certificate and tls_key: expected both or neither"),
        (LEAST + "[people]\nport = 1.5\n", r"\[people\] port: expected a whole number, got 1\.5"),
        (LEAST + "[people]\nport = 99999\n", r"\[people\] port: expected a whole number from 1 to 65535, got 99999"),
        (LEAST + "[units]\nport = 65536\n", r"\[units\] port: expected a whole number from 1 to 65535, got 65536"),
        (LEAST + "[units]\nport = 8080\n", r"\[people\] port and \[units\] port: expected two different ones"),
        (LEAST + "[retention]\ndelete_undo_days = 999999999\n", r"\[retention\] delete_undo_days: .* to 3650, got"),
        (LEAST + "[uploads]\nlease_s = 99999999999999\n", r"\[uploads\] lease_s: .* to 86400, got"),
        (LEAST + 'language = "xx"\n', r"\[controller\] language: expected one of \['en', 'es'\], got 'xx'"),
        (LEAST + 'language = ""\n', r"\[controller\] language: expected one of \['en', 'es'\], got ''"),
        (LEAST + '[people]\nurl = "foo"\n', r"\[people\] url: expected the address .* got 'foo'"),
        (LEAST + '[people]\nurl = "https://s:99999"\n', r"\[people\] url: expected the address"),
        (LEAST + '[units]\nurl = "http://school.example:8443"\n', r"\[units\] url: expected .* got 'http://school"),
        (LEAST + '[people]\nurl = "https://school.example/backrow"\n', r"\[people\] url: expected the address"),
        (LEAST + f'[people]\nurl = "https://{"s" * 300}.example"\n', r"\[people\] url: .* of at most 260 characters"),
        (LEAST + '[people]\nurl = "https://school.example\\n"\n', r"\[people\] url: expected the address"),
        (LEAST + "units = 5\n", r"\[controller\] units"),
    ],
)
def test_configuration_is_refused_with_place_expected_and_got(tmp_path: Path, text: str, words: str) -> None:
    """Whatever is missing, unknown, of another type or unsafe is named with its file, table and key."""
    with pytest.raises(ConfigError, match=words):
        load(tmp_path, text)


@pytest.mark.parametrize("url", ["https://backrow.school.example/", "http://localhost:8080", "https://[::1]:8443"])
def test_site_is_taken_as_browsers_write_it(tmp_path: Path, url: str) -> None:
    """With or without a port and the last slash."""
    (tmp_path / "controller.toml").write_text(f'{LEAST}[people]\nurl = "{url}"\n')
    assert load_config(tmp_path / "controller.toml").people.url == url


def test_units_are_told_where_they_reach_their_listener(tmp_path: Path) -> None:
    """A server that listens at all of its addresses names the one by which units find it."""
    path = tmp_path / "controller.toml"
    path.write_text(LEAST + '[units]\nhost = "0.0.0.0"\nurl = "https://school.example:8443/"\n')
    assert load_config(path).units.address == "https://school.example:8443"
    path.write_text(LEAST + '[units]\nhost = "192.0.2.7"\n')
    assert load_config(path).units.address == "https://192.0.2.7:8443"
