"""What can go wrong in a demo, in words for whoever started it."""


class DemoError(Exception):
    """The demo cannot go on; the message says why and what to look at."""
