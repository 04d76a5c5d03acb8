"""From encoded packets to fragments that play: the muxer, segments, sound levels, and reading of footage."""
