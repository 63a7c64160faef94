"""What the console reads about links: lists with states, and what came of each destination."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Connection, create_engine

from billing_core.destinations import (
    BILLING_HOME,
    CANCEL_SUBSCRIPTION,
    CHANGE_TO_A_GIVEN_PLAN,
    CHECKOUT,
    UPDATE_DETAILS,
    UPDATE_PAYMENT_METHOD,
)
from billing_core.links import DESTINATIONS, LinkState, return_token
from billing_core.queries.insights import portal_insights
from billing_core.queries.link_visits import link_visits
from billing_core.queries.links import LinkFilters, link, links
from billing_core.rows.links import DestinationInsight, RefusalCount
from tests.links.stage import Stage
from tests.sandbox.browser import Browser
from tests.support import patient
from tests.support.listener import wait_for
from webhook_listener import audit
from webhook_listener.database import durable_transaction, writer_engine

STARTER = {"target_lookup_key": "starter_monthly"}


@pytest.fixture
def connection(stage: Stage) -> Iterator[Connection]:
    """A look at the stage's database."""
    engine = create_engine(stage.listener.database_url)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def insight(
    connection: Connection, destination: str, since: datetime, **later: float
) -> DestinationInsight:
    """What the destination was used for since then, seen now or later."""
    now = datetime.now(UTC) + timedelta(**later)
    found = portal_insights(connection, since, now=now)
    assert tuple(each.destination for each in found) == DESTINATIONS
    return next(each for each in found if each.destination == destination)


@dataclass
class Growth:
    """What a destination's numbers have grown by since the test began: the stage is shared."""

    connection: Connection
    destination: str

    def __post_init__(self) -> None:
        self.before = self._look()

    def of(self, *names: str, **later: float) -> tuple[int, ...]:
        now = self._look(**later)
        return tuple(getattr(now, name) - getattr(self.before, name) for name in names)

    def _look(self, **later: float) -> DestinationInsight:
        self.connection.rollback()
        return insight(self.connection, self.destination, datetime.now(UTC), **later)


def press(stage: Stage, org_id: str, destination: str) -> Browser:
    return Browser().open(stage.create(org_id, destination)["url"]).press(destination)


def test_each_destination_is_counted_from_made_to_completed(
    stage: Stage, connection: Connection
) -> None:
    growth = Growth(connection, CANCEL_SUBSCRIPTION)
    orgs = [stage.subscriber()[0] for _ in range(4)]
    stage.create(orgs[0], CANCEL_SUBSCRIPTION)
    press(stage, orgs[1], CANCEL_SUBSCRIPTION)
    for org_id in orgs[2:]:
        press(stage, org_id, CANCEL_SUBSCRIPTION).press("Cancel plan").press("No thanks")
    stage.settle()
    assert growth.of("created", "redeemed", "completed") == (4, 3, 2)
    assert growth.of("undecided", "unchanged") == (1, 0)
    assert growth.of("undecided", "unchanged", hours=25)[0] == -growth.before.undecided
    today = datetime.now(UTC)
    found = insight(connection, CANCEL_SUBSCRIPTION, today)
    assert found.median_seconds is not None
    assert 0 < found.median_seconds < 60
    a_day_later = insight(connection, CANCEL_SUBSCRIPTION, today, hours=25)
    assert (a_day_later.undecided, a_day_later.unchanged) == (0, found.undecided)
    assert insight(connection, CHECKOUT, today + timedelta(days=1)) == DestinationInsight(
        CHECKOUT, 0, 0, 0, 0, 0, 0, None, ()
    )


def test_opened_links_count_once_and_say_nothing_of_the_link_itself(
    stage: Stage, connection: Connection
) -> None:
    """Looks are written a little later and beside the link; a link that ended counts no more."""
    growth = Growth(connection, UPDATE_DETAILS)
    org_id, _ = stage.subscriber()
    made = [stage.create(org_id, UPDATE_DETAILS) for _ in range(3)]
    stage.command({"kind": "revoke", "link_id": made[2]["link_id"]})
    before = stage.rows("SELECT * FROM portal_links ORDER BY 1")
    for each in (*made, made[0], made[0]):
        httpx.head(each["url"])
        patient.get(each["url"])
    wait_for_looks(stage, made[0]["link_id"], 3)
    assert stage.rows("SELECT * FROM portal_links ORDER BY 1") == before
    assert growth.of("created", "opened", "redeemed") == (3, 2, 0)
    looks = link_visits(connection, [each["link_id"] for each in made])
    assert [looks[each["link_id"]].opened for each in made[:2]] == [3, 1]
    assert made[2]["link_id"] not in looks


def test_looks_that_are_not_written_yet_are_written_when_the_listener_stops(
    stage: Stage, connection: Connection, tmp_path: Path
) -> None:
    org_id, _ = stage.subscriber()
    made = stage.create(org_id, BILLING_HOME)
    second = stage.another_listener(tmp_path / "second.log")
    patient.get(second.url + made["url"].removeprefix(stage.url))
    second.stop()
    assert link_visits(connection, [made["link_id"]])[made["link_id"]].opened == 1


def test_who_came_back_without_a_change_is_counted(stage: Stage, connection: Connection) -> None:
    """Only once a day has passed: until then it may still come."""
    growth = Growth(connection, CHANGE_TO_A_GIVEN_PLAN)
    org_id, _ = stage.subscriber()
    back, gone = (stage.create(org_id, CHANGE_TO_A_GIVEN_PLAN, **STARTER) for _ in range(2))
    for each in (back, gone):
        assert stage.redeem(each["url"], CHANGE_TO_A_GIVEN_PLAN).status_code == 303
    home = f"{stage.url}/return/{return_token(back['url'].rpartition('/')[2])}"
    assert patient.get(home).status_code == 200
    patient.get(home, params={"waited": 5})
    wait_for_looks(stage, back["link_id"], 1, "returned")
    assert link_visits(connection, [back["link_id"]])[back["link_id"]].returned == 1
    assert growth.of("returned_unchanged", "undecided") == (0, 2)
    assert growth.of("unchanged", "returned_unchanged", hours=25) == (2, 1)


def wait_for_looks(stage: Stage, link_id: str, count: int, column: str = "opened") -> None:
    """Until so many looks at a link are written, and whatever was looked at before."""
    written = f"SELECT 1 FROM link_visits WHERE link_id = :i AND {column} >= :n"
    wait_for(lambda: stage.rows(written, i=link_id, n=count), what="the looks to be written")


def test_what_stripe_refused_is_counted_by_its_code(stage: Stage, connection: Connection) -> None:
    org_id, _ = stage.subscriber()
    growth = Growth(connection, UPDATE_PAYMENT_METHOD)
    made = stage.create(org_id, UPDATE_PAYMENT_METHOD)
    stage.control.fail_next(3, path="/v1/billing_portal/sessions", status=500)
    try:
        assert stage.redeem(made["url"], UPDATE_PAYMENT_METHOD).status_code == 503
    finally:
        stage.control.clear_faults()
    assert growth.of("created", "redeemed") == (1, 0)
    found = insight(connection, UPDATE_PAYMENT_METHOD, datetime.now(UTC))
    assert found.refusals == (RefusalCount("stripe_unavailable", 1),)


def test_sessions_that_staff_opened_at_once_are_counted_apart(
    stage: Stage, connection: Connection
) -> None:
    growth = Growth(connection, BILLING_HOME)
    entry = audit.Entry(
        at=datetime.now(UTC),
        actor="ada",
        role="support",
        action="portal_link.mint",
        outcome="minted",
        destination=BILLING_HOME,
    )
    engine = writer_engine(stage.listener.database_url)
    with durable_transaction(engine) as writing:
        audit.append(writing, entry)
    engine.dispose()
    assert growth.of("opened_now", "created") == (1, 0)


def test_links_are_listed_newest_first_page_by_page_with_their_state(
    stage: Stage, connection: Connection
) -> None:
    org_id, _ = stage.subscriber(name="Blue Harbor")
    made = [stage.create(org_id, BILLING_HOME)["link_id"] for _ in range(5)]
    stage.command({"kind": "revoke", "link_id": made[0]})
    stage.expire(made[1])
    used = stage.create(org_id, BILLING_HOME)
    assert stage.redeem(used["url"], BILLING_HOME).status_code == 303
    now = datetime.now(UTC)
    filters = LinkFilters(org_id=org_id)
    first = links(connection, filters, now=now, limit=4)
    second = links(connection, filters, now=now, limit=4, after=first.next_cursor)
    assert second.next_cursor is None
    listed = [*first.rows, *second.rows]
    assert [each.link.link_id for each in listed] == [used["link_id"], *reversed(made)]
    assert {each.org_name for each in listed} == {"Blue Harbor"}
    states = {each.link.link_id: each.state for each in listed}
    assert states[made[0]] is LinkState.REVOKED
    assert states[made[1]] is LinkState.EXPIRED
    assert states[used["link_id"]] is LinkState.USED_UP
    assert states[made[2]] is LinkState.ACTIVE
    for state, count in (
        (LinkState.REVOKED, 1),
        (LinkState.EXPIRED, 1),
        (LinkState.USED_UP, 1),
        (LinkState.ACTIVE, 3),
    ):
        page = links(connection, LinkFilters(org_id=org_id, state=state), now=now)
        assert {each.state for each in page.rows} == {state}
        assert len(page.rows) == count
    assert links(connection, LinkFilters(org_id=org_id, created_by="grace"), now=now).rows == ()
    one = link(connection, made[2], now=now)
    assert one is not None
    assert one.link.reason == "ticket #12"
    assert link(connection, "link_none", now=now) is None


def test_a_link_moves_with_its_organization(stage: Stage, connection: Connection) -> None:
    """An org that stood under its customer's id until its own id was learned."""
    customer = stage.v1.customers.create({"name": "Late", "email": "late@acme.example"})
    stage.settle()
    made = stage.create(customer.id, BILLING_HOME)
    stage.v1.customers.update(customer.id, {"metadata": {"org_id": f"org_{customer.id}"}})
    stage.settle()
    assert patient.get(made["url"]).status_code == 200
    assert stage.redeem(made["url"], BILLING_HOME).status_code == 303
    found = link(connection, made["link_id"], now=datetime.now(UTC))
    assert found is not None
    assert found.link.org_id == f"org_{customer.id}"


def test_links_of_earlier_days_do_not_count(stage: Stage, connection: Connection) -> None:
    org_id, _ = stage.subscriber()
    stage.create(org_id, BILLING_HOME)
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    assert insight(connection, BILLING_HOME, tomorrow).created == 0
