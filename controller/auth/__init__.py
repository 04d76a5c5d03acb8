"""Guards of the people's door: who is signed in, who may ask for what, and the headers that every answer carries."""
