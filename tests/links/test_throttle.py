"""How much one address may ask for."""

from webhook_listener.links.pages import readable_on
from webhook_listener.links.throttle import CAPACITY, PER_SECOND, Throttle


class Clock:
    """Time that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def guesses(throttle: Throttle, address: str, count: int) -> int:
    """How many of so many guesses were let through."""
    admitted = 0
    for _ in range(count):
        if throttle.admit(address) is None:
            admitted += 1
            throttle.charge_guess(address)
    return admitted


def test_a_person_may_look_at_hundreds_of_pages() -> None:
    throttle = Throttle(Clock())
    assert all(throttle.admit("192.0.2.1") is None for _ in range(int(CAPACITY)))
    assert throttle.admit("192.0.2.1") == 1


def test_a_guesser_is_stopped_after_ten_and_may_go_on_slowly() -> None:
    clock = Clock()
    throttle = Throttle(clock)
    assert guesses(throttle, "192.0.2.1", 100) == 10
    clock.now += 60
    assert guesses(throttle, "192.0.2.1", 100) == 10 * 60 * PER_SECOND // CAPACITY


def test_whoever_is_turned_away_is_told_for_how_long() -> None:
    clock = Clock()
    throttle = Throttle(clock)
    guesses(throttle, "192.0.2.1", 10)
    wait = throttle.admit("192.0.2.1")
    assert wait is not None
    clock.now += wait
    assert throttle.admit("192.0.2.1") is None


def test_a_whole_ipv6_network_counts_as_one_address() -> None:
    throttle = Throttle(Clock())
    assert guesses(throttle, "2001:db8:1:2::1", 10) == 10
    assert throttle.admit("2001:db8:1:2:ffff::9") is not None
    assert throttle.admit("2001:db8:1:3::1") is None


def test_many_addresses_do_not_fill_the_memory() -> None:
    throttle = Throttle(Clock())
    for number in range(12_000):
        throttle.admit(f"10.{number // 65536}.{number // 256 % 256}.{number % 256}")
    assert len(throttle._buckets) <= 10_000


def test_text_on_the_companys_colour_can_always_be_read() -> None:
    assert readable_on("#3B5BDB") == "#ffffff"
    assert readable_on("#FFD43B") == "#000000"
    assert readable_on("#5a5a5a") == "#ffffff"
