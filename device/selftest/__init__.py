"""The self-test: the unit's own parts, looked at and tried, with a report to be read to a teacher on the phone."""
