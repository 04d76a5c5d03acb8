"""Recordings: what the school holds, for whom, and how it is opened."""
