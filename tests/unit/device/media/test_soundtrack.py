"""The sound track of a take: no hole, nothing twice."""

from hypothesis import given
from hypothesis import strategies as st

from device.media.soundtrack import JITTER_SAMPLES, Placement, Soundtrack


def test_sound_in_step_is_placed_as_it_is() -> None:
    """Frames that follow each other need neither silence nor cutting."""
    track = Soundtrack()
    assert [track.place(at, 960) for at in (0, 960, 1920)] == [Placement(0, 0)] * 3
    assert (track.position, track.silent_samples) == (2880, 0)


def test_first_sound_is_placed_exactly() -> None:
    """Before the first sound there is silence to the sample, even less than jitter would forgive."""
    assert Soundtrack().place(100, 960) == Placement(silence=100, skip=0)


def test_jitter_within_a_run_of_sound_is_ignored() -> None:
    """A timestamp that wanders by less than 30 ms neither inserts nor drops a sample."""
    track = Soundtrack()
    track.place(0, 960)
    assert track.place(960 + JITTER_SAMPLES, 960) == Placement(0, 0)
    assert track.place(1920 - JITTER_SAMPLES, 960) == Placement(0, 0)


def test_a_gap_becomes_silence() -> None:
    """What the microphone did not give is silent, so that sound after it is in step with the picture again."""
    track = Soundtrack()
    track.place(0, 960)
    assert track.place(48_000, 960) == Placement(silence=48_000 - 960, skip=0)


def test_sound_that_comes_late_is_cut_not_delayed() -> None:
    """After silence has been written for a time, sound of that time is dropped, and what reaches beyond is kept."""
    track = Soundtrack()
    assert track.fill_to(2000) == 2000
    assert track.place(0, 960) == Placement(silence=0, skip=960)
    assert track.place(960, 1500) == Placement(silence=0, skip=1040)
    assert (track.position, track.skipped_samples) == (2460, 2000)


def test_sound_after_a_frame_that_was_dropped_is_placed_exactly() -> None:
    """Where stretches of sound overlap by more than jitter, the later one does not stay late by the rest."""
    track = Soundtrack()
    track.place(0, 2000)
    assert track.place(400, 1024) == Placement(silence=0, skip=1024)
    assert track.place(1424, 1024) == Placement(silence=0, skip=576)


def test_filling_a_full_track_adds_nothing() -> None:
    """Silence never moves the track backwards or beyond what is asked."""
    track = Soundtrack()
    track.place(0, 960)
    assert track.fill_to(500) == 0
    assert track.position == 960


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 200_000), st.integers(1, 5_000)), max_size=60))
def test_everything_written_adds_up_to_the_position(moves: list[tuple[bool, int, int]]) -> None:
    """For any order of sound and silence, written samples are exactly the position, and it never goes back."""
    track, written, before = Soundtrack(), 0, 0
    for is_sound, at, count in moves:
        if is_sound:
            placement = track.place(at, count)
            assert 0 <= placement.skip <= count
            written += placement.silence + count - placement.skip
        else:
            written += track.fill_to(at)
        assert track.position == written >= before
        before = written
