"""How a unit becomes one of the school's: certificates, one-time secrets, adoption, the recorder's key."""
