"""A buzzer that remembers what it was told."""

from device.hardware.ports import BuzzerFault, PartFacts, Tune


class FakeBuzzer:
    """Keeps every tune in `played`; set `fault` to break it."""

    def __init__(self, *, fault: BuzzerFault | None = None) -> None:
        self.played: list[Tune] = []
        self.fault = fault
        self.closed = False

    @property
    def facts(self) -> PartFacts:
        """A fake, and it says so."""
        return PartFacts("FAKE buzzer of a test", is_production=False)

    def play(self, tune: Tune) -> None:
        """See `Buzzer.play`."""
        if self.fault is not None:
            raise self.fault
        self.played.append(tune)

    def close(self) -> None:
        """See `Buzzer.close`."""
        self.closed = True
