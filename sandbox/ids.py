"""Ids in Stripe's shapes."""

from __future__ import annotations

import random
import string

_LETTERS = string.ascii_letters + string.digits

# Stripe's newer ids start with a 1 and are longer than those it gave out first.
_SHORT = {"cus": 14, "prod": 14, "si": 14, "req": 14}
_LENGTH = 24


class Ids:
    """Makes ids from `source`: the system's randomness, or a seeded one for sample data."""

    def __init__(self, source: random.Random | None = None) -> None:
        self._source = source or random.SystemRandom()

    def new(self, prefix: str) -> str:
        """A new id such as `sub_1Nh…`."""
        if prefix in _SHORT:
            return f"{prefix}_{self.letters(_SHORT[prefix])}"
        return f"{prefix}_1{self.letters(_LENGTH - 1)}"

    def letters(self, length: int) -> str:
        """`length` letters and digits."""
        return "".join(self._source.choices(_LETTERS, k=length))
