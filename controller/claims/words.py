"""The words for what came of a claim. Pure: gives texts to be translated, never translates."""

from __future__ import annotations

from controller.claims.claiming import Heard
from controller.recordings.titles import mark

HEARD: dict[Heard, str] = {
    Heard.OWNED: mark("The recording is yours now."),
    Heard.ASKED: mark(
        "Your word is kept. When a second person has said that you taught then, the recording appears among yours, if "
        "there is one."
    ),
    Heard.NOTHING: mark(
        "No recording without an owner is known that you can have made there and then. A lesson travels here at night: "
        "look again tomorrow."
    ),
    Heard.TOO_OFTEN: mark("You have named several lessons today. Please go on tomorrow."),
}
