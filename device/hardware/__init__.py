"""The doors to the physical world: ports, and what stands behind them on a Pi, in the demo and in tests."""
