"""What can go wrong between packets and fragments, told apart by whose fault it is."""


class MediaError(Exception):
    """Media could not be read or written."""


class TakeBroken(MediaError):
    """What the source gave cannot go on in this take; close it and begin another."""


class InputRefused(MediaError):
    """A file cannot be recorded from; the message is for the person who named it, and says what to do."""


class InputBroken(MediaError):
    """Reading of a file ended early; everything before was given."""
