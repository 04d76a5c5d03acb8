"""What the demo reads out of a playlist."""

from __future__ import annotations

import pytest

from provisioning.demo.errors import DemoError
from provisioning.demo.viewer import Stretch, parse_playlist

PLAYLIST = """\
#EXTM3U
#EXT-X-VERSION:7
#EXT-X-MAP:URI="media/1",BYTERANGE="800@0"
#EXTINF:2.0,
#EXT-X-BYTERANGE:5000@800
media/1
#EXTINF:1.5,
#EXT-X-BYTERANGE:4000@5800
media/1
#EXT-X-ENDLIST
"""


def test_parse_playlist_gives_init_and_ranges_in_order() -> None:
    """The init comes first, then each range of the segment."""
    assert list(parse_playlist(PLAYLIST)) == [
        Stretch("media/1", 0, 800),
        Stretch("media/1", 800, 5000),
        Stretch("media/1", 5800, 4000),
    ]


def test_parse_playlist_refuses_a_segment_without_range() -> None:
    """A segment file holds more than one stretch, so that a range must stand before it."""
    with pytest.raises(DemoError, match="media/1"):
        list(parse_playlist("#EXTM3U\nmedia/1\n"))
