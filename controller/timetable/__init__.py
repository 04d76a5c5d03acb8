"""The timetable: who teaches whom in which room and when, and what is different on some day."""
