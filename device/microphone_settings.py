"""The microphone's table of the unit's configuration: where the sound comes from, and how late it is.

Values only: it opens nothing and knows no sound library. Described in docs/hardware/sound.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from device.ranges import require_range


class MicrophoneKind(StrEnum):
    """Where the sound comes from: from the camera alone, any USB microphone, a named one, or one that pretends."""

    NONE = "none"
    AUTO = "auto"
    ALSA = "alsa"
    SYNTHETIC = "synthetic"


@dataclass(frozen=True, kw_only=True)
class MicrophoneTable:
    """The microphone. `device` is the ALSA name of a named one; `latency_ms` how long a sound takes to be readable.

    `warn_after_s`: so long it is silent or distorted before the lamp says so.
    """

    kind: MicrophoneKind = MicrophoneKind.NONE
    device: str | None = None
    latency_ms: float = 0.0
    warn_after_s: float = 20.0

    def __post_init__(self) -> None:
        """Refuse a named microphone without a name, and a name that would not be used."""
        if (self.kind is MicrophoneKind.ALSA) != (self.device is not None):
            raise ValueError(
                "device: expected with kind = 'alsa', and only there, the name by which ALSA opens the microphone "
                f"('plughw:CARD=Device'; `arecord -L` lists them), got {self.device!r} with kind = {self.kind.value!r}"
            )
        require_range("latency_ms", self.latency_ms, -300, 300)
        require_range("warn_after_s", self.warn_after_s, 1, 600)

    @property
    def hears_a_room(self) -> bool:
        """Whether a sound card is expected to be there."""
        return self.kind in (MicrophoneKind.AUTO, MicrophoneKind.ALSA)
