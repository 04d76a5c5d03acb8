"""The agent: presence, health and waiting bytes over MQTT, and the documents that come back. It reads no footage."""
