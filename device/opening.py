"""The option with which every command of the unit names its device.toml, and what it gets for it."""

from __future__ import annotations

import os
from pathlib import Path

import click

from device.config import ConfigError, DeviceConfig, load_config

CONFIG = Path("/etc/backrow/device.toml")


def _load(_context: click.Context, _parameter: click.Parameter, path: Path) -> DeviceConfig:
    try:
        config = load_config(path)
    except ConfigError as error:
        raise click.ClickException(str(error)) from None
    handed_over = os.environ.get("CREDENTIALS_DIRECTORY")  # systemd's LoadCredential=
    return config.with_keys(Path(handed_over)) if handed_over else config


config_option = click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    default=CONFIG,
    show_default=True,
    callback=_load,
    help="The unit's device.toml.",
)
