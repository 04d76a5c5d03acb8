"""Looks at what the lab filmed, outside of it: ffprobe counts and decodes every picture, Chromium plays to the end."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

PLAY = """async () => {
  const film = document.querySelector("video")
  await film.play()
  await new Promise((done, failed) => { film.onended = done; film.onerror = () => failed(film.error.message) })
  return [film.videoWidth, film.videoHeight, film.currentTime, film.getVideoPlaybackQuality().totalVideoFrames]
}"""


def look_at_results(out: Path) -> int:
    """Judge each film in `out`; give the number of those that are wrong."""
    films = sorted(out.glob("*.mp4"))
    wrong = [film.name for film in films if not _is_right(film)]
    print(f"pi_lab: {len(films)} films in {out}, wrong: {', '.join(wrong) or 'none'}")
    return len(wrong)


def _is_right(film: Path) -> bool:
    for judge in (_probe, _play):
        try:
            print(f"pi_lab: {film.name}: {judge(film)}")
        except (AssertionError, FileNotFoundError, subprocess.CalledProcessError) as error:
            print(f"pi_lab: {film.name}: WRONG: {error}")
            return False
    return True


def _probe(film: Path) -> str:
    if shutil.which("ffprobe") is None:
        return "not probed: this machine has no ffprobe (apt-get install ffmpeg)"
    asked = ["-v", "error", "-count_frames", "-count_packets", "-select_streams", "v:0", "-of", "json", "-show_streams"]
    ran = subprocess.run(["ffprobe", *asked, str(film)], capture_output=True, text=True, check=True)
    (stream,) = json.loads(ran.stdout)["streams"]
    assert not ran.stderr, ran.stderr
    assert stream["nb_read_frames"] == stream["nb_read_packets"], stream
    return f"{stream['profile']}, {stream['width']}x{stream['height']}, {stream['nb_read_frames']} pictures decoded"


def _play(film: Path) -> str:
    """Play the last seconds at least, in a page that holds nothing else."""
    if shutil.which("chromium") is None:
        return "not played: this machine has no chromium"
    from tests.browser.chromium import open_chromium

    page_file = film.with_suffix(".html")
    page_file.write_text(f'<video src="{film.name}" muted></video>', "utf-8")
    with open_chromium() as browser:
        page = browser.new_page(viewport={"width": 1300, "height": 740})
        page.goto(page_file.as_uri())
        page.wait_for_function("document.querySelector('video').readyState >= 2")
        page.evaluate("document.querySelector('video').playbackRate = 4")
        width, height, seconds, pictures = page.evaluate(PLAY)
        page.screenshot(path=film.with_suffix(".png"))
    expected = (720, 1280) if film.name.startswith("turned") else (1280, 720)
    assert pictures > 0, "no picture was shown"
    assert (width, height) == expected, f"shown as {width}x{height}, expected {expected}"
    return f"Chromium played {seconds:.1f} s, {width}x{height}, {pictures} pictures"
