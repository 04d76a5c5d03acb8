"""How the unit joins its school and stays: keys that it makes, a certificate that it renews, the recorder's key."""
