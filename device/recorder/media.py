"""Writes the media of one take into the recording's segments: mux, cut, seal, flush; and measures the sound.

Used by one thread, the take's writer. It keeps no media beyond the fragment in the making. Sound measures and faults
become events of the manifest: docs/protocol/manifest.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from device.hardware.ports import SOUND_RATE_HZ, AudioFrame, PictureFacts, VideoPacket
from device.media.levels import LevelMeter, SoundMeasures, SoundWatch, Verdict
from device.media.muxer import Fragment, InitSegment, MuxerOutput, SoundSettings, TakeMuxer, TakeSummary
from device.media.segments import SegmentLimits, decide_cut
from device.media.speech import SpeechMeter, SpeechUnmeasured
from device.spool.recording import OpenRecording
from device.spool.sealing import SegmentWriter
from protocol.manifest import Begun, Event, EventName, Sound, SoundVerdict

SILENT_PERMILLE = 900
DETAIL_CHARS = 300


@dataclass(frozen=True, kw_only=True)
class SoundRules:
    """How the sound is written and watched.

    `warn_after_s`: so long it is silent or distorted before that is said. `is_expected`: the unit has a microphone, so
    that it also counts as silent when none answers. `measures_speech`: the speech share can be had. `is_omitted`: the
    room is not heard, by its consent; the track is silent, and there is nothing to warn of or to measure.
    """

    warn_after_s: float = 20.0
    is_omitted: bool = False
    is_expected: bool = False
    measures_speech: bool = False
    track: SoundSettings = field(default_factory=SoundSettings)

    def of(self, begun: Begun) -> SoundRules:
        """Give the rules for a take of a recording: its first line says for all of them whether the room is heard."""
        return replace(self, is_omitted=True, is_expected=False) if begun.without_sound else self


class MediaWriter:
    """The take being written. Every method that writes raises `OSError` when the disk fails."""

    def __init__(
        self,
        recording: OpenRecording,
        picture: PictureFacts,
        limits: SegmentLimits,
        sound: SoundRules | None = None,
    ) -> None:
        self.number = recording.next_take
        self._recording = recording
        self._limits = limits
        self._sound = sound or SoundRules()
        self._muxer = TakeMuxer(picture, sound=self._sound.track)
        self._meter = LevelMeter(rate_hz=SOUND_RATE_HZ)
        self._speech = SpeechMeter() if self._sound.measures_speech else None
        self._watch = SoundWatch(rate_hz=SOUND_RATE_HZ, after_s=self._sound.warn_after_s)
        self._init: InitSegment | None = None
        self._segment: SegmentWriter | None = None

    @property
    def origin_ticks(self) -> int | None:
        """Give the source's time at which the take begins; None before its first keyframe."""
        return self._muxer.origin_ticks

    @property
    def sound_warning(self) -> Verdict | None:
        """What has been wrong with the sound for too long; None while there is nothing to warn of."""
        expected = self._sound.is_expected or self._muxer.summary.sound_samples
        return self._watch.warning if expected else None

    def add(self, item: VideoPacket | AudioFrame) -> bool:
        """Take a picture or sound; tell whether sealed media became durable. Raises `TakeBroken`."""
        before = self._muxer.summary
        if isinstance(item, AudioFrame) and self._sound.is_omitted:
            return False
        if isinstance(item, VideoPacket):
            durable = self._write(self._muxer.add_video(item))
        else:
            durable = self._write(self._muxer.add_audio(item))
            self._measure(item.samples, late=self._muxer.summary.late_samples - before.late_samples)
        self._watch.miss(self._muxer.summary.silent_samples - before.silent_samples)
        return durable

    def _measure(self, samples: bytes, *, late: int) -> None:
        """Measure sound that came in time; what came `late` has been replaced by silence already."""
        if self._muxer.origin_ticks is None:
            return
        for second in self._meter.add(samples[2 * late :]):
            self._watch.hear(second)
        try:
            if self._speech is not None:
                self._speech.add(samples[2 * late :])
        except SpeechUnmeasured as error:
            self._speech = None
            self.note_fault(f"the speech share is not measured: {error}")

    def note_fault(self, detail: str) -> None:
        """Write down, at the media time reached, a fault that the take survives."""
        self._note(EventName.FAULT, self._muxer.summary, detail=detail[:DETAIL_CHARS])

    def finish(self, detail: str) -> None:
        """Seal what there is, and write down how the sound was and what went wrong (`detail`; empty: nothing)."""
        self._write(self._muxer.close())
        if self._segment is not None:
            self._recording.seal_segment(self._segment)
            self._segment = None
        summary = self._muxer.summary
        if detail:
            self.note_fault(detail)
        if summary.pictures and not self._sound.is_omitted:
            speech = self._speech.share if self._speech is not None else None
            self._note(EventName.SOUND, summary, sound=judge_sound(self._meter.measures(), summary, speech))

    def abandon(self) -> None:
        """Close a segment that could not be sealed, as it is; recovery will say what it holds. Idempotent."""
        if self._segment is not None:
            self._segment.abandon()
            self._segment = None

    def _write(self, outputs: Iterable[MuxerOutput]) -> bool:
        durable = False
        for output in outputs:
            if isinstance(output, InitSegment):
                self._init = output
            else:
                self._write_fragment(output)
                durable = True
        return durable

    def _write_fragment(self, fragment: Fragment) -> None:
        if self._segment is not None and decide_cut(self._segment.media, fragment, self._limits):
            self._recording.seal_segment(self._segment)
            self._segment = None
        if self._segment is None:
            self._segment = self._open_segment()
        self._segment.write_fragment(fragment)

    def _open_segment(self) -> SegmentWriter:
        if self._init is None:
            raise AssertionError("the muxer gave a fragment before its init segment")
        segment = self._recording.open_segment(self.number)
        segment.write_init(self._init)
        return segment

    def _note(self, name: EventName, summary: TakeSummary, *, detail: str = "", sound: Sound | None = None) -> None:
        event = Event(name=name, take=self.number, at_ticks=summary.end_ticks, detail=detail, sound=sound)
        self._recording.note(event)


def judge_sound(measures: SoundMeasures, summary: TakeSummary, speech: float | None) -> Sound:
    """Put the measures into the manifest's numbers; silence that the muxer filled in counts as silence.

    `speech`: the share of the sound that came in which somebody spoke, None where that was not measured.
    """
    filled_s = summary.silent_samples / SOUND_RATE_HZ
    whole_s = measures.seconds + filled_s
    silent = (measures.silence_share * measures.seconds + filled_s) / whole_s if whole_s else 1.0
    silent_permille = round(1000 * silent)
    verdict = SoundVerdict(measures.verdict.value)
    if not summary.sound_samples:
        verdict = SoundVerdict.NONE
    elif silent_permille > SILENT_PERMILLE and verdict is not SoundVerdict.CLIPPING:
        verdict = SoundVerdict.SILENT
    return Sound(
        verdict=verdict,
        silent_permille=silent_permille,
        clipped_permille=round(1000 * measures.clipping_share),
        loudness_mdbfs=round(1000 * measures.rms_dbfs),
        peak_mdbfs=round(1000 * measures.peak_dbfs),
        speech_permille=None if speech is None else round(1000 * speech * measures.seconds / whole_s),
    )
