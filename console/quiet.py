"""Keeps a library's chatter about its own start out of the console's log."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quietly() -> Iterator[None]:
    """Drop warnings and below, whoever gives them, while something is imported or set up."""
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(record=True):
            yield
    finally:
        logging.disable(logging.NOTSET)
