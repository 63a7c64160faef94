"""Measures the listener: how fast, how late, at what cost, on which database."""
