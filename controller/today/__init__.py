"""Today: what the button of a lesson's room will say and why, who sits where, and the public page of a room's card."""
