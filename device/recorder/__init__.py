"""The recorder: what a press means, and how it is done in the world. It has no network."""
