"""The sealed USB stick of a unit without a network: what waits goes onto it, the school's answer comes back."""
