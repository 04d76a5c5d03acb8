"""What the buzzer plays: tunes that an ear tells apart, in time, cut short by the next; a fault costs one tune."""

from __future__ import annotations

import pytest

from device.hardware.ports import BuzzerFault, Tune
from device.hardware.tunes import TUNES, Note, TunePlayer
from tests.fakes.clock import LeapingClock, ManualClock


class Ear:
    """Writes down when which tone begins (0: silence); `broken_at` makes that change fail."""

    def __init__(self, clock: ManualClock, *, broken_at: int | None = None) -> None:
        self._clock = clock
        self._broken_at = broken_at
        self.heard: list[tuple[float, int]] = []

    def sound(self, note: Note | None) -> None:
        """Take a note, or silence."""
        if len(self.heard) == self._broken_at:
            self._broken_at = None
            raise BuzzerFault("the buzzer is broken")
        self.heard.append((round(self._clock.monotonic_s() - 1000, 3), note.tone_hz if note else 0))


def finish(player: TunePlayer) -> None:
    """Let what plays come to its end."""
    thread = player._thread
    assert thread is not None
    thread.join(30)
    assert not thread.is_alive()


@pytest.mark.parametrize("tune", Tune)
def test_tune_is_short_and_ends(tune: Tune) -> None:
    """A class is told, not disturbed: under a second, and no note without an end."""
    assert 0 < sum(note.sound_s + note.rest_s for note in TUNES[tune]) < 1
    assert all(note.sound_s > 0 and 200 < note.tone_hz < 4000 for note in TUNES[tune])


def test_tunes_differ_by_rhythm_alone() -> None:
    """A buzzer with one tone of its own tells them apart: two short, one long, one very short."""
    rhythms = {tune: [note.sound_s for note in notes] for tune, notes in TUNES.items()}
    assert rhythms == {Tune.START: [0.12, 0.12], Tune.STOP: [0.6], Tune.REMIND: [0.06]}


def test_notes_come_in_time() -> None:
    """Each note begins when the rest before it is over, and the last one ends."""
    clock = LeapingClock()
    ear = Ear(clock)
    player = TunePlayer(ear.sound, clock=clock)
    player.play(Tune.START)
    finish(player)
    assert ear.heard == [(0.0, 1047), (0.12, 0), (0.22, 1568), (0.34, 0)]


def test_next_tune_cuts_the_one_that_plays() -> None:
    """Stop is heard at once, whatever still plays."""
    clock = ManualClock()
    ear = Ear(clock)
    player = TunePlayer(ear.sound, clock=clock)
    player.play(Tune.START)
    player.play(Tune.STOP)
    player.close()
    assert [tone for _, tone in ear.heard] == [1047, 0, 784, 0]


def test_fault_of_the_first_note_is_told_at_once() -> None:
    """The caller hears that nobody heard anything."""
    clock = LeapingClock()
    player = TunePlayer(Ear(clock, broken_at=0).sound, clock=clock)
    with pytest.raises(BuzzerFault, match="broken"):
        player.play(Tune.START)
    player.close()


def test_fault_of_a_later_note_is_told_with_the_next_tune() -> None:
    """It costs one tune; the one after it plays."""
    clock = LeapingClock()
    ear = Ear(clock, broken_at=2)
    player = TunePlayer(ear.sound, clock=clock)
    player.play(Tune.START)
    finish(player)
    with pytest.raises(BuzzerFault, match="broken"):
        player.play(Tune.STOP)
    player.play(Tune.STOP)
    finish(player)
    assert [tone for _, tone in ear.heard] == [1047, 0, 784, 0]
