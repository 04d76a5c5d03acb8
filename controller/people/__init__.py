"""People: everybody who can be in a room, with or without an account; the one erasable table of pupils' names."""
