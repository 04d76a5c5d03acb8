"""Bridge: MQTT to the database and back, as a process of its own."""
