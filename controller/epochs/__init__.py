"""When the week of a recipient is over for good: what units say that they hold, waivers, ends."""
