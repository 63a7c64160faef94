"""Failures on request: the next calls of the API fail as a test wants them to."""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.errors import Refusal


@dataclass
class Fault:
    """How the next `count` calls whose path starts with `path` fail.

    `after_effect` does what was asked and then fails to say so; `seconds` waits first.
    """

    status: int = 500
    count: int = 1
    type: str = "api_error"
    message: str = "An error occurred with our connection to Stripe. (A fault made on request.)"
    code: str | None = None
    path: str = "/v1/"
    method: str | None = None
    after_effect: bool = False
    seconds: float = 0.0

    def refusal(self) -> Refusal:
        """The error that the caller sees."""
        return Refusal(self.message, status=self.status, type=self.type, code=self.code)


@dataclass
class Faults:
    """The faults that wait for their calls."""

    waiting: list[Fault] = field(default_factory=list)

    def add(self, fault: Fault) -> None:
        """Let calls fail from now on."""
        self.waiting.append(fault)

    def clear(self) -> None:
        """Let nothing fail any more."""
        self.waiting.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """The fault for this call, used up by one."""
        for fault in self.waiting:
            if path.startswith(fault.path) and fault.method in {None, method}:
                fault.count -= 1
                if fault.count <= 0:
                    self.waiting.remove(fault)
                return fault
        return None
