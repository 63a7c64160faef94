"""How much one address may ask for: plenty for people, little for whoever guesses tokens.

Kept in memory by each listener. Behind a proxy the address is the one that the server takes from
``X-Forwarded-For`` where ``FORWARDED_ALLOW_IPS`` names the proxy.
"""

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

CAPACITY = 240.0
PER_SECOND = 4.0
# A guess costs as much as 24 pages, so ten in a row are the most, then one every six seconds.
GUESS_COST = 23.0
_MOST_ADDRESSES = 10_000


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float


class Throttle:
    """One bucket of tokens for each address; used on the event loop alone."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def admit(self, address: str) -> int | None:
        """None where the address may go on, else the seconds that it should wait."""
        bucket = self._bucket(address)
        if bucket.left >= 1:
            bucket.left -= 1
            return None
        return max(1, math.ceil((1 - bucket.left) / PER_SECOND))

    def charge_guess(self, address: str) -> None:
        """The address asked for a token that does not exist."""
        self._bucket(address).left -= GUESS_COST

    def _bucket(self, address: str) -> _Bucket:
        key, now = _network(address), self._clock()
        bucket = self._buckets.pop(key, None) or _Bucket(CAPACITY, now)
        bucket.left = min(CAPACITY, bucket.left + (now - bucket.at) * PER_SECOND)
        bucket.at = now
        self._buckets[key] = bucket
        if len(self._buckets) > _MOST_ADDRESSES:
            self._buckets.popitem(last=False)
        return bucket


def _network(address: str) -> str:
    """One IPv6 customer holds a whole /64, so that counts as one address."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return address
    return str(ipaddress.ip_network((parsed, 64), strict=False))
