"""Many people press the same button at the same moment, at two listeners."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from billing_core.destinations import BILLING_HOME
from tests.links.stage import Stage
from tests.support import patient
from tests.support.listener import Listener

PEOPLE = 200


@pytest.fixture
def second(stage: Stage, tmp_path: Path) -> Iterator[Listener]:
    """Another listener on the same database and the same Stripe."""
    listener = stage.another_listener(tmp_path / "second.log")
    yield listener
    listener.stop()


async def press_at_once(addresses: list[str]) -> Counter[int]:
    """How many were answered with which status."""
    limits = httpx.Limits(max_connections=PEOPLE)
    async with httpx.AsyncClient(timeout=60, limits=limits, trust_env=False) as client:

        async def press(number: int, address: str) -> int:
            origin = {"x-forwarded-for": f"198.18.0.{number}"}
            form = {"destination": BILLING_HOME}
            return (await client.post(address, data=form, headers=origin)).status_code

        presses = [press(number, address) for number, address in enumerate(addresses)]
        return Counter(await asyncio.gather(*presses))


@pytest.mark.parametrize("allowed", [1, 3])
def test_of_200_at_once_only_as_many_reach_stripe_as_the_link_has_uses(
    stage: Stage, second: Listener, allowed: int
) -> None:
    org_id, customer_id = stage.customer()
    stage.settle()
    path = stage.create(org_id, BILLING_HOME, uses=allowed)["url"].removeprefix(stage.url)
    addresses = [(stage.url, second.url)[number % 2] + path for number in range(PEOPLE)]
    answers = asyncio.run(press_at_once(addresses))
    assert answers == {303: allowed, 410: PEOPLE - allowed}
    assert stage.sessions(customer_id) == allowed


def test_of_two_listeners_a_link_made_by_one_is_revoked_by_the_other(
    stage: Stage, second: Listener
) -> None:
    org_id, _ = stage.customer()
    stage.settle()
    made = stage.create(org_id, BILLING_HOME)
    there = second.url + made["url"].removeprefix(stage.url)
    assert patient.get(there).status_code == 200
    assert stage.command({"kind": "revoke", "link_id": made["link_id"]}).status_code == 201
    assert stage.redeem(there, BILLING_HOME).status_code == 410
