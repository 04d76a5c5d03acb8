"""The rules of the recorder's law, by the time of a lesson at which they matter; machine.py's table says where each
holds. All of it is pure.
"""
