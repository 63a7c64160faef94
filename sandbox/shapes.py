"""The JSON that Stripe's objects are made of, as the sandbox keeps it.

Stripe's objects are JSON documents whose every field is part of the contract, so the sandbox keeps
them as such. A key that starts with an underscore is the sandbox's own and never leaves it.
"""

from __future__ import annotations

from typing import Any, cast

import orjson

Json = dict[str, Any]


def copy_of(value: Json) -> Json:
    """A deep copy that shares nothing with `value`."""
    return cast("Json", orjson.loads(orjson.dumps(value)))


def overlaid(value: Json, changes: Json) -> Json:
    """A copy of `value` with `changes` laid over its top level."""
    return {**copy_of(value), **changes}
