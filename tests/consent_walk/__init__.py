"""A school that does everything that its office can do, in a random order, and the rules that its units must go by."""
