"""The calendar: in which hours of which days the units of a site may send, and how fast."""
