"""Whose lesson it is: asked before the first playback, claimed where nobody owns it, destroyed where nobody does."""
