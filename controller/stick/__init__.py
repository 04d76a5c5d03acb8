"""Takes in what a unit without a network wrote onto a sealed USB stick, and lays the school's answer beside it."""
