"""A button that the test presses."""

from collections.abc import Callable

from device.hardware.ports import ButtonEdge, ButtonFault, Clock, PartFacts


class FakeButton:
    """Reports edges at the clock's time; set `fault` to make it unreadable."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._on_edge: Callable[[ButtonEdge], None] | None = None
        self._down = False
        self.fault: ButtonFault | None = None

    @property
    def facts(self) -> PartFacts:
        """A fake, and it says so."""
        return PartFacts("FAKE button of a test", is_production=False)

    def start(self, on_edge: Callable[[ButtonEdge], None]) -> None:
        """See `Button.start`."""
        if self.fault is not None:
            raise self.fault
        self._on_edge = on_edge

    def is_down(self) -> bool:
        """See `Button.is_down`."""
        if self.fault is not None:
            raise self.fault
        if self._on_edge is None:
            raise ButtonFault("FAKE button: is not started")
        return self._down

    def stop(self) -> None:
        """See `Button.stop`."""
        self._on_edge = None

    def press(self) -> None:
        """A finger goes down."""
        self._move(down=True)

    def release(self) -> None:
        """The finger goes up."""
        self._move(down=False)

    def _move(self, *, down: bool) -> None:
        if down != self._down:
            self._down = down
            if self._on_edge is not None:
                self._on_edge(ButtonEdge(down, self._clock.monotonic_s()))
