"""How long guessing has to wait, on a clock that the test moves."""

from pathlib import Path

import pytest

from console.sessions import SessionStore
from console.throttle import TRIES_PER_ADDRESS, TRIES_PER_NAME, Throttle


class _Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> _Clock:
    made = _Clock()
    monkeypatch.setattr("console.throttle.time", made)
    return made


@pytest.fixture
def throttle(tmp_path: Path) -> Throttle:
    return Throttle(SessionStore(tmp_path / "sessions.sqlite3"))


def _fail(throttle: Throttle, clock: _Clock, times: int) -> list[int]:
    """Fail so often, waiting as told each time; the waits that were asked for."""
    waits = []
    for number in range(times):
        wait = throttle.begin("jane", f"10.0.0.{number}")
        if wait:
            clock.now += wait
            assert throttle.begin("jane", f"10.0.0.{number}") == 0
        waits.append(wait)
    return waits


def test_each_further_failure_waits_longer_up_to_a_bound(throttle: Throttle, clock: _Clock) -> None:
    waits = _fail(throttle, clock, TRIES_PER_NAME + 12)
    assert waits[:TRIES_PER_NAME] == [0] * TRIES_PER_NAME
    grown = waits[TRIES_PER_NAME:]
    assert grown == sorted(grown)
    assert grown[0] == 2
    assert grown[-1] == 300


def test_trying_while_waiting_does_not_lengthen_the_wait(throttle: Throttle, clock: _Clock) -> None:
    _fail(throttle, clock, TRIES_PER_NAME)
    waits = {throttle.begin("jane", "10.0.1.1") for _ in range(50)}
    assert waits == {2}


def test_a_quiet_half_hour_forgets_everything(throttle: Throttle, clock: _Clock) -> None:
    _fail(throttle, clock, TRIES_PER_NAME + 8)
    clock.now += 1801
    assert _fail(throttle, clock, TRIES_PER_NAME) == [0] * TRIES_PER_NAME


def test_success_forgets_the_name_but_not_the_others_tried_from_there(
    throttle: Throttle, clock: _Clock
) -> None:
    for number in range(TRIES_PER_ADDRESS - 1):
        assert throttle.begin(f"guess-{number}", "10.0.0.9") == 0
    assert throttle.begin("jane", "10.0.0.9") == 0
    throttle.succeeded("jane", "10.0.0.9")
    assert throttle.begin("guess", "10.0.0.9") == 0
    assert throttle.begin("jane", "10.0.0.9") > 0


def test_names_differing_in_case_or_spaces_count_as_one(throttle: Throttle, clock: _Clock) -> None:
    for number, name in enumerate(("Jane", "jane", " JANE", "jane ", "JaNe")):
        assert throttle.begin(name, f"10.0.0.{number}") == 0
    assert throttle.begin("jane", "10.0.0.99") > 0
