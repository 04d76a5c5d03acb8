"""What a room is told of its unit: the lamp's patterns, what a hand can do, and the card that explains both.

A contract between the unit, which shows it, and whoever prints the card; pure, and owned by neither (ADR 13).
"""
