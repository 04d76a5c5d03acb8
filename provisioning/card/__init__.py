"""SD cards: what a stock Raspberry Pi OS Lite card needs on its boot partition to become a unit of one room.

The unit is entered and its bundle written by `backrow controller device prepare`, which is run as a process. What the
card does with it at its first start is `provisioning/firstboot`. Described in docs/runbooks/new-room.md.
"""
