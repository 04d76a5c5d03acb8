"""The server's disk: whether units may be let in, how long it will do, and what of it was found damaged."""
