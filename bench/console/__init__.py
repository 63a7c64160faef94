"""Measuring the console at the size of a large company; see ``bench/README.md``."""
