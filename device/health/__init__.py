"""How the unit is: what the recorder says of itself to the agent, in one small file."""
