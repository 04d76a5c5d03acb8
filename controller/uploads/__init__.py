"""Uploads: leases that let units send, and taking in what they send."""
