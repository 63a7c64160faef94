"""Nothing that Stripe could send makes a sentence stumble."""

from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from billing_core.errors import UnreadableShapeError
from billing_core.facts import KNOWN_STATUSES
from billing_core.sentences import TELLINGS, describe
from billing_core.stripe_gateway.envelope import read_event
from billing_core.stripe_gateway.happenings import read_happening, unpack
from tests.core.company import price, subscription
from tests.core.telling import ASKED, UNTOLD, WORDS, items, tell
from tests.support.captured import captured_files

_JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "id",
                    "object",
                    "status",
                    "items",
                    "data",
                    "price",
                    "plan",
                    "quantity",
                    "recurring",
                    "interval",
                    "metadata",
                    "org_id",
                    "customer",
                    "cancel_at",
                    "cancellation_details",
                    "feedback",
                    "reason",
                    "trial_end",
                    "card",
                    "amount_due",
                    "currency",
                    "parent",
                    "pause_collection",
                    "schedule",
                    "invoice_settings",
                    "interval_count",
                    "name",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)
_OBJECT = st.dictionaries(
    st.text(max_size=10) | st.sampled_from(["object", "status", "items"]), _JSON
)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([*TELLINGS, "something.new"]),
    _JSON.filter(lambda value: isinstance(value, dict)) | _OBJECT,
    st.none() | _JSON.filter(lambda value: isinstance(value, dict)),
)
def test_no_shape_makes_a_sentence_stumble(
    type_: str, obj: dict[str, Any], previous: dict[str, Any] | None
) -> None:
    assert tell(type_, obj, previous).text


_STATUS = st.sampled_from([*sorted(KNOWN_STATUSES), "hibernating"])
_WHEN = st.none() | st.integers(0, 4_000_000_000)


@settings(max_examples=300, deadline=None)
@given(
    st.fixed_dictionaries(
        {
            "status": _STATUS,
            "cancel_at": _WHEN,
            "cancel_at_period_end": st.booleans(),
            "canceled_at": _WHEN,
            "ended_at": _WHEN,
            "trial_end": _WHEN,
            "schedule": st.none() | st.just("sub_sched_1"),
            "pause_collection": st.none() | st.just({"behavior": "void", "resumes_at": None}),
            "cancellation_details": st.sampled_from([None, ASKED, UNTOLD, {"feedback": "new_one"}]),
            "items": st.sampled_from([{}, items(), items(price("team_monthly"), quantity=0)]),
        }
    ),
    st.fixed_dictionaries(
        {},
        optional={
            "status": _STATUS,
            "cancel_at": _WHEN,
            "items": st.just(items()),
            "trial_end": _WHEN,
        },
    ),
)
def test_every_change_of_a_subscription_has_a_sentence(
    now: dict[str, Any], before: dict[str, Any]
) -> None:
    sentence = tell(
        "customer.subscription.updated", {**subscription("sub_1", "cus_1"), **now}, before
    )
    assert sentence.text.endswith(".")
    assert tell("customer.subscription.deleted", {**subscription("sub_1", "cus_1"), **now}).text


def test_every_published_payload_is_told() -> None:
    for path in captured_files():
        try:
            event = read_event(orjson.loads(path.read_bytes()))
        except UnreadableShapeError:
            continue
        assert describe(read_happening(event, "org_id"), WORDS).text, path.name


def test_a_body_that_cannot_be_unpacked_is_none() -> None:
    assert unpack("evt_1", b"") is None
    assert unpack("evt_1", b"\x00\x01") is None
