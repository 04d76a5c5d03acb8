"""A lamp that remembers what it was told."""

from device.hardware.ports import LampFault, PartFacts
from protocol.room.lamp import DARK, LampPattern


class FakeLamp:
    """Keeps every pattern in `shown`; set `fault` to break it."""

    def __init__(self) -> None:
        self.shown: list[LampPattern] = []
        self.fault: LampFault | None = None
        self.closed = False

    @property
    def facts(self) -> PartFacts:
        """A fake, and it says so."""
        return PartFacts("FAKE lamp of a test", is_production=False)

    @property
    def now(self) -> LampPattern:
        """The pattern that shows."""
        return self.shown[-1] if self.shown and not self.closed else DARK

    def show(self, pattern: LampPattern) -> None:
        """See `Lamp.show`."""
        if self.fault is not None:
            raise self.fault
        if self.closed:
            raise LampFault(f"cannot show {pattern.name!r}: the lamp is closed")
        self.shown.append(pattern)

    def close(self) -> None:
        """See `Lamp.close`."""
        self.closed = True
