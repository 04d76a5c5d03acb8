"""Several kinds of button as one: any of them counts, as two buttons on pins do."""

from collections.abc import Callable, Sequence

from device.hardware.ports import Button, ButtonEdge, ButtonFault, PartFacts


class AnyButton:
    """Down while any of its buttons is; a fault of one is the fault of all, so that nobody trusts a half."""

    def __init__(self, buttons: Sequence[Button]) -> None:
        self._buttons = tuple(buttons)
        self._on_edge: Callable[[ButtonEdge], None] | None = None

    @property
    def facts(self) -> PartFacts:
        """Names each of them; made up when one is."""
        each = [button.facts for button in self._buttons]
        return PartFacts(" or ".join(one.description for one in each), all(one.is_production for one in each))

    def start(self, on_edge: Callable[[ButtonEdge], None]) -> None:
        """See `Button.start`."""
        self._on_edge = on_edge
        try:
            for button in self._buttons:
                button.start(self._report)
        except ButtonFault:
            self.stop()
            raise

    def is_down(self) -> bool:
        """See `Button.is_down`; every one is read, so that a fault of the second is seen while the first is held."""
        return any([button.is_down() for button in self._buttons])

    def stop(self) -> None:
        """See `Button.stop`."""
        self._on_edge = None
        for button in self._buttons:
            button.stop()

    def _report(self, edge: ButtonEdge) -> None:
        """One that goes up while another is held changes nothing; one that cannot be read does not hide the edge."""
        try:
            down = edge.down or self.is_down()
        except ButtonFault:
            down = edge.down
        if self._on_edge is not None:
            self._on_edge(ButtonEdge(down, edge.at_s))
