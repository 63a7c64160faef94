"""Webhooks that others have published, where this machine has them.

They are somebody else's data and no part of the project: a folder beside the checkout, or the one
that ``CAPTURED_EVENTS`` names. Where that variable is set, as in ``.ci/run``, they must be there.
"""

import csv
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.support.stripe_events import unique

_BESIDE = Path(__file__).resolve().parents[3] / "shared" / "stripe-events"


@dataclass(frozen=True, slots=True)
class Captured:
    """One of the payloads as an event of our own, and its line of ``EXPECTED.tsv``."""

    event: Mapping[str, Any]
    expected: Mapping[str, str]


def captured_files() -> list[Path]:
    """Every payload's file. Skips the test where there are none, unless they were promised."""
    promised = os.environ.get("CAPTURED_EVENTS")
    files = sorted((Path(promised) if promised else _BESIDE).glob("*.json"))
    if not files and promised:
        pytest.fail(f"CAPTURED_EVENTS names {promised}, which holds no payloads.")
    if not files:
        pytest.skip("the captured payloads are not on this machine")
    return files


def expected() -> list[tuple[bytes, Mapping[str, str]]]:
    """The payloads whose meaning is written down, each with its line."""
    files = {path.name: path for path in captured_files()}
    table = next(iter(files.values())).with_name("EXPECTED.tsv")
    with table.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [(files[row["file"]].read_bytes(), row) for row in rows]


def expectations() -> list[Captured]:
    """The same, as events of our own."""
    return [Captured(_as_ours(body), row) for body, row in expected()]


def _as_ours(body: bytes) -> dict[str, Any]:
    """With ids that no other has, of our mode, and from no connected account."""
    obj = orjson.loads(body)["data"]["object"]
    for prefix, name in (("cus", "customer"), ("sub", "subscription"), ("sub", "id")):
        if isinstance(obj.get(name), str):
            body = body.replace(f'"{obj[name]}"'.encode(), f'"{unique(prefix)}"'.encode())
    event: dict[str, Any] = orjson.loads(body)
    for foreign in ("account", "context"):
        event.pop(foreign, None)
    return event | {"id": unique("evt"), "livemode": False}
