"""What goes wrong with the school's keys, in words for whoever stands before them."""


class KeysError(Exception):
    """The school's keys cannot be made, changed or used as asked: where, why, and what to do instead."""
