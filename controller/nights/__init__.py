"""The nights: what was planned, what happened, and what may be told of it to whom."""
