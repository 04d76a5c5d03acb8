"""Several kinds of button as one: any of them counts, as two buttons on pins do."""

from collections.abc import Callable, Sequence

from device.hardware.ports import Button, ButtonEdge, ButtonFault, PartFacts


class AnyButton:
    """Down while any of its buttons is. One that cannot be had does not silence the others, but it is a fault to read
    until it is there: each reading tries it again.
    """

    def __init__(self, buttons: Sequence[Button]) -> None:
        self._buttons = tuple(buttons)
        self._missing: list[Button] = []
        self._on_edge: Callable[[ButtonEdge], None] | None = None

    @property
    def facts(self) -> PartFacts:
        """Names each of them; made up when one is."""
        each = [button.facts for button in self._buttons]
        return PartFacts(" or ".join(one.description for one in each), all(one.is_production for one in each))

    def start(self, on_edge: Callable[[ButtonEdge], None]) -> None:
        """See `Button.start`; raises only when none of them can be had."""
        self._on_edge = on_edge
        self._missing = list(self._buttons)
        faults = self._start_missing()
        if len(faults) == len(self._buttons):
            raise faults[0]

    def is_down(self) -> bool:
        """See `Button.is_down`; a fault of one is told, also while another is held."""
        if self._on_edge is None:
            raise ButtonFault(f"{self.facts.description}: is not started")
        if faults := self._start_missing():
            raise faults[0]
        return self._is_any_down()

    def stop(self) -> None:
        """See `Button.stop`."""
        self._on_edge = None
        for button in self._buttons:
            button.stop()

    def _start_missing(self) -> list[ButtonFault]:
        """Start what does not report yet; give why each of the rest cannot be had."""
        faults = []
        for button in list(self._missing):
            try:
                button.start(self._report)
                self._missing.remove(button)
            except ButtonFault as fault:
                faults.append(fault)
        return faults

    def _is_any_down(self) -> bool:
        """Every one is read, so that a fault of the second is seen while the first is held."""
        return any([button.is_down() for button in self._buttons])

    def _report(self, edge: ButtonEdge) -> None:
        """One that goes up while another is held changes nothing; one that cannot be read does not hide the edge."""
        try:
            down = edge.down or self._is_any_down()
        except ButtonFault:
            down = edge.down
        if self._on_edge is not None:
            self._on_edge(ButtonEdge(down, edge.at_s))
