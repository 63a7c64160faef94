"""How times, names and freshness are put into words."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from markupsafe import Markup
from streamlit.testing.v1 import AppTest

from billing_core.rows import Count
from console import elements
from console.freshness import freshness
from console.gate import safe_next
from console.viewer import Viewer, exact_utc, lasting
from tests.console.watching import visible
from tests.support.health import NOW, health

BERLIN = Viewer(ZoneInfo("Europe/Berlin"), "de")


def test_a_time_is_told_in_the_viewers_zone_with_the_exact_utc_on_hover() -> None:
    at = datetime(2026, 8, 13, 23, 30, 7, tzinfo=UTC)
    told = elements.time(at, BERLIN)
    assert "14 August 2026, 01:30" in told
    assert 'title="2026-08-13 23:30:07 UTC"' in told
    assert exact_utc(at) == "2026-08-13 23:30:07 UTC"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "less than a second"),
        (1, "1 second"),
        (59, "59 seconds"),
        (60, "1 minute"),
        (3600, "60 minutes"),
        (7200, "2 hours"),
        (86_400, "24 hours"),
        (200_000, "2 days"),
        (-5, "less than a second"),
    ],
)
def test_a_length_of_time_is_told_in_its_largest_unit(seconds: float, words: str) -> None:
    assert lasting(seconds) == words


@pytest.mark.parametrize(
    ("more", "listening", "says", "tone"),
    [
        ({}, True, "All caught up: last event 4 seconds ago.", "good"),
        ({"last_received_at": None}, True, "Stripe has sent nothing yet.", "info"),
        ({}, False, "Last event 4 seconds ago. What came since is not stored yet.", "warn"),
        (
            {"last_received_at": NOW - timedelta(hours=2)},
            True,
            "Stripe has sent nothing for 2 hours; the usual gap is 3 minutes.",
            "warn",
        ),
        (
            {"backlog": Count(7), "oldest_pending_at": NOW - timedelta(seconds=90)},
            True,
            "Catching up: 7 events are stored and not applied yet, the oldest for 1 minute.",
            "warn",
        ),
        ({"parked": Count(1)}, True, "1 event waits for an operator", "bad"),
    ],
)
def test_freshness_is_one_honest_sentence(
    more: dict[str, object], listening: bool, says: str, tone: str
) -> None:
    sentence, told = freshness(health(**more), NOW, listening=listening)
    assert says in sentence
    assert told == tone


def test_a_table_of_more_columns_than_the_stylesheet_names_and_aligns_is_refused() -> None:
    stylesheet = (elements.ASSETS / "console.css").read_text(encoding="utf-8")
    known = range(1, elements._MOST_COLUMNS + 1)
    for at in known:
        aligned = stylesheet.count(f".bc-n{at} tr > :nth-child({at})")
        named = stylesheet.count(f"td:nth-child({at})::before {{ content: var(--c{at}); }}")
        assert (aligned, named) == (2, 1 if at > 1 else 0), f"column {at}"
    columns = [elements.Column("Seats", number=True)] * (len(known) + 1)
    assert "Seats" in elements.table(columns[1:], [], "Just enough")
    with pytest.raises(ValueError, match="“Too many” has 11"):
        elements.table(columns, [], "Too many")


def test_whatever_is_put_into_an_element_is_escaped() -> None:
    hostile = '"><img src=x onerror=alert(1)>'
    table = elements.table([elements.Column(hostile)], [(hostile,)], hostile)
    made = [
        table,
        elements.organization_link(hostile, hostile),
        elements.badge(hostile, "good"),
        elements.facts([(hostile, hostile)]),
        elements.tiles([(hostile, hostile, "plain", hostile)]),
        elements.sentence(f"`{hostile}` {hostile}"),
        elements.untrusted(hostile),
    ]
    for markup in made:
        assert isinstance(markup, Markup)
        assert "<img" not in markup
        assert 'src=x onerror=alert(1)>"' not in markup


@pytest.mark.parametrize("path", ["/", "/organization?org=a%20b&x=%2F%2Fevil", "/a//b", "/ä"])
def test_an_address_of_our_own_is_safe_to_go_on_to(path: str) -> None:
    assert safe_next(path)


@pytest.mark.parametrize(
    "path", ["", "//x", "/\\x", "x", "/ x", "/\x7f", "/\x85", "/" + "a" * 3000, "/signin"]
)
def test_an_address_that_could_lead_elsewhere_is_not(path: str) -> None:
    assert not safe_next(path)


def _waiting_for(seconds: int) -> AppTest:
    def script(seconds: int) -> None:
        from datetime import timedelta

        from billing_core.stripe_gateway.sessions import PortalSession
        from console import data, watch
        from console.minted import Minted

        link = Minted(
            org_id="org_acme",
            destination="Billing home",
            session=PortalSession("bps_1", "https://billing.example/p/session/secret"),
            at=data.now() - timedelta(seconds=seconds),
            revision=1,
            known_events=frozenset(),
            was_winding_down=False,
            had_access=True,
        )
        assert "secret" not in repr(link)
        watch._waiting(link)

    return AppTest.from_function(script, default_timeout=60, kwargs={"seconds": seconds}).run()


def test_waiting_turns_into_an_honest_nothing_has_changed_yet() -> None:
    assert "Waiting for the customer…" in visible(_waiting_for(3))
    assert "Nothing has changed yet. The link was made 2 minutes ago" in visible(_waiting_for(130))
