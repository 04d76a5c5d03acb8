"""Jobs: what the controller does by itself, as a process of its own."""
