"""The demo: the whole product on one machine, as real processes, on real video.

It starts the other commands and imports none of their insides; what it knows of the product is what a user could know.
"""
