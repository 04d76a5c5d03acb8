"""The controller that these tests ask."""

from tests.house import house

__all__ = ["house"]
