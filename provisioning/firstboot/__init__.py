"""First boot: what turns a card with the stock image and a unit's files into that unit, on the unit itself.

Runs on the image's own Python with nothing but the standard library (and `protocol/durable.py`), for it is what
installs the rest. `plan` and `layout` decide, `steps` and `data` do, `machine` is their door to the system, `running`
turns the crank. Every step can be cut by a power cut and done again. Described in docs/runbooks/new-room.md.
"""
