"""Stripe's form encoding: `items[0][price]=p&expand[]=data.product` becomes nested values."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl

from sandbox.errors import Refusal
from sandbox.shapes import Json

_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_PART = re.compile(r"\[([^\[\]]*)\]")
_MOST_FIELDS = 2000


def decode(encoded: bytes) -> Json:
    """The nested values of a query string or an urlencoded body.

    Raises `Refusal` (400) where the text is not UTF-8 or a name contradicts another one.
    """
    try:
        pairs = parse_qsl(
            encoded.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_MOST_FIELDS,
        )
    except ValueError as error:
        raise Refusal("Invalid request: the parameters are not UTF-8 form data.") from error
    root: Json = {}
    for name, value in pairs:
        _place(root, name, value)
    return {name: _with_lists(value) for name, value in root.items()}


def _place(root: Json, name: str, value: str) -> None:
    match = _NAME.fullmatch(name)
    if match is None:
        raise Refusal(f"Invalid parameter name: {name}", param=name)
    parts = [match[1], *_PART.findall(match[2])]
    here = root
    for part in parts[:-1]:
        here = here.setdefault(_key(here, part), {})
        if not isinstance(here, dict):
            raise Refusal(f"Invalid parameter: {name} is given both a value and parts.", param=name)
    last = _key(here, parts[-1])
    if isinstance(here.get(last), dict):
        raise Refusal(f"Invalid parameter: {name} is given both a value and parts.", param=name)
    here[last] = value


def _key(here: Json, part: str) -> str:
    return part or str(len(here))


def _with_lists(value: Any) -> Any:  # noqa: ANN401 - form values nest without a fixed shape
    if not isinstance(value, dict):
        return value
    converted = {name: _with_lists(part) for name, part in value.items()}
    if converted and all(name.isdecimal() for name in converted):
        return [converted[name] for name in sorted(converted, key=int)]
    return converted
