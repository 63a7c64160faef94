"""What a request asks for, read name by name; what nobody read is an unknown parameter."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from sandbox.errors import invalid, missing_parameter, unknown_parameters
from sandbox.shapes import Json

_LONGEST_TEXT = 5000


class Params:
    """Stripe parameters at one level of nesting.

    Every reader marks its name as known. `finish` refuses what no reader asked for, here and
    below, so an endpoint's readers are the list of its parameters.
    """

    def __init__(self, values: Json, path: str = "") -> None:
        self._values = values
        self._path = path
        self._known: set[str] = set()
        self._below: dict[str, Params] = {}

    def path(self, name: str) -> str:
        """The full name as the caller wrote it, such as `items[0][price]`."""
        return f"{self._path}[{name}]" if self._path else name

    def has(self, name: str) -> bool:
        """Whether the parameter was sent, even empty (Stripe's way to unset)."""
        self._known.add(name)
        return name in self._values

    def is_nested(self, name: str) -> bool:
        """Whether the parameter was sent with parts below it."""
        return isinstance(self._values.get(name), dict)

    def ignore(self, *names: str) -> None:
        """Accept parameters that change nothing in the sandbox."""
        self._known.update(names)

    def finish(self) -> None:
        """Raise `Refusal` if a parameter was sent that no reader asked for."""
        unknown = self._unknown()
        if unknown:
            raise unknown_parameters(unknown)

    def _unknown(self) -> list[str]:
        here = [self.path(name) for name in self._values if name not in self._known]
        return here + [name for params in self._below.values() for name in params._unknown()]  # noqa: SLF001 - its own kind

    def _raw(self, name: str, *, required: bool = False) -> Any:  # noqa: ANN401 - not yet checked
        self._known.add(name)
        value = self._values.get(name)
        if required and value in (None, ""):
            raise missing_parameter(self.path(name))
        return value

    def text(
        self, name: str, *, required: bool = False, longest: int = _LONGEST_TEXT
    ) -> str | None:
        """The text, or None when absent or unset."""
        value = self._raw(name, required=required)
        if value in (None, ""):
            return None
        if not isinstance(value, str):
            raise invalid(self.path(name), f"Invalid string: {value}")
        if len(value) > longest:
            shown = f"Invalid string: must be at most {longest} characters"
            raise invalid(self.path(name), shown, "parameter_invalid_string_too_long")
        return value

    def needed(self, name: str) -> str:
        """The text; raises `Refusal` when absent."""
        return self.text(name, required=True) or ""

    def choice(self, name: str, allowed: Iterable[str], *, required: bool = False) -> str | None:
        """One of `allowed`, or None when absent."""
        value = self.text(name, required=required)
        options = list(allowed)
        if value is not None and value not in options:
            listed = ", ".join(options[:-1]) + f", or {options[-1]}" if options[1:] else options[0]
            raise invalid(self.path(name), f"Invalid {self.path(name)}: must be one of {listed}")
        return value

    def integer(
        self,
        name: str,
        *,
        least: int | None = None,
        most: int | None = None,
        required: bool = False,
    ) -> int | None:
        """The whole number, or None when absent; raises `Refusal` outside `least`..`most`."""
        value = self.text(name, required=required)
        if value is None:
            return None
        try:
            number = int(value)
        except ValueError:
            message = f"Invalid integer: {value}"
            raise invalid(self.path(name), message, "parameter_invalid_integer") from None
        if least is not None and number < least:
            raise invalid(self.path(name), f"This value must be greater than or equal to {least}.")
        if most is not None and number > most:
            raise invalid(self.path(name), f"This value must be less than or equal to {most}.")
        return number

    def boolean(self, name: str) -> bool | None:
        """The truth value, or None when absent."""
        value = self.text(name)
        if value is None:
            return None
        if value.lower() not in {"true", "false"}:
            raise invalid(self.path(name), f"Invalid boolean: {value}")
        return value.lower() == "true"

    def moment(self, name: str, *, words: Iterable[str] = ()) -> int | str | None:
        """Unix seconds (UTC), one of `words`, or None when absent or unset."""
        value = self.text(name)
        return value if value is not None and value in list(words) else self.integer(name, least=0)

    def url(self, name: str, *, required: bool = False) -> str | None:
        """An absolute http(s) address, or None when absent."""
        value = self.text(name, required=required)
        if value is None:
            return None
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname or " " in value:
            raise invalid(self.path(name), "Not a valid URL", "url_invalid")
        return value

    def texts(self, name: str, *, most: int | None = None) -> list[str]:
        """The list of texts, empty when absent."""
        value = self._raw(name)
        if value in (None, ""):
            return []
        if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
            raise invalid(self.path(name), "Invalid array")
        if most is not None and len(value) > most:
            raise invalid(self.path(name), f"Arrays for this parameter hold at most {most} values.")
        return value

    def metadata(self, current: Json | None = None, name: str = "metadata") -> dict[str, str]:
        """`current` with what was sent laid over it; an empty value removes its key."""
        value = self._raw(name)
        kept = dict(current or {})
        if value == "":
            return {}
        if isinstance(value, list):  # keys that are all digits look like an array
            value = {str(position): text for position, text in enumerate(value)}
        if value is not None and not isinstance(value, dict):
            raise invalid(self.path(name), "Invalid object")
        for key, text in (value or {}).items():
            if not isinstance(text, str):
                raise invalid(f"{self.path(name)}[{key}]", "Metadata values must be strings")
            kept.pop(key, None)
            if text:
                kept[key] = text
        return kept

    def nested(self, name: str) -> Params | None:
        """The parameters below `name`, or None when absent or unset."""
        value = self._raw(name)
        if value in (None, ""):
            return None
        return self._child(self.path(name), value)

    def each(self, name: str) -> list[Params]:
        """The parameters of every entry of the array `name`."""
        value = self._raw(name)
        if value in (None, ""):
            return []
        if not isinstance(value, list):
            raise invalid(self.path(name), "Invalid array")
        return [
            self._child(f"{self.path(name)}[{position}]", part)
            for position, part in enumerate(value)
        ]

    def _child(self, path: str, value: Any) -> Params:  # noqa: ANN401 - not yet checked
        if not isinstance(value, dict):
            raise invalid(path, "Invalid object")
        return self._below.setdefault(path, Params(value, path))
