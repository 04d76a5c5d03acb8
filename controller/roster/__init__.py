"""The roster: classes and who is in them from when until when; read from files, shown as a difference, then applied."""
