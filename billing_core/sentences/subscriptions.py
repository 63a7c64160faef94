"""What happened to a subscription, told from what it was before and after."""

from collections.abc import Callable, Iterator

from billing_core.entitlement import winding_down_until
from billing_core.facts import KNOWN_STATUSES, SubscriptionFacts
from billing_core.happenings import Happening
from billing_core.sentences.words import Sentence, Words, comment_line, feedback_words

Part = tuple[str, str]  # the icon's name and a sentence

_STATUSES = {
    "incomplete": "waits for its first payment",
    "incomplete_expired": "expired because the first payment never came",
    "trialing": "is in its trial",
    "active": "is active",
    "past_due": "is past due",
    "canceled": "has ended",
    "unpaid": "is unpaid: Stripe has stopped trying to collect",
    "paused": "is paused",
}
_TRANSITIONS = {
    ("trialing", "active"): ("trial", "The trial ended and the subscription became active."),
    ("trialing", "past_due"): (
        "payment_failed",
        "The trial ended and the first payment failed: the subscription is past due.",
    ),
    ("trialing", "paused"): (
        "paused",
        "The trial ended without a way to pay, so Stripe paused the subscription.",
    ),
    ("incomplete", "active"): ("created", "The first payment came and the subscription began."),
    ("incomplete", "trialing"): ("trial", "The trial began."),
    ("past_due", "active"): ("recovered", "A payment came through: active again."),
    ("unpaid", "active"): ("recovered", "A payment came through: active again."),
    ("paused", "active"): ("resumed", "The subscription was resumed."),
}
_ENTERED = {
    "past_due": ("payment_failed", "A payment failed: the subscription is past due."),
    "unpaid": (
        "payment_failed",
        "Stripe stopped trying to collect: the subscription is unpaid.",
    ),
    "paused": ("paused", "The subscription was paused."),
    "canceled": ("ended", "The subscription ended."),
    "incomplete_expired": ("ended", "The first payment never came, so the subscription expired."),
}


def status_words(status: str) -> str:
    """What a status means, to follow "The subscription"."""
    return _STATUSES.get(status, f"has the status `{status}`, which is not known here")


def created(happening: Happening, words: Words) -> Sentence:
    """A subscription began."""
    facts = happening.after
    if not isinstance(facts, SubscriptionFacts):
        return Sentence("created", "A subscription was created.")
    plan = words.plan(facts)
    item = words.main(facts)
    seats = f", {item.quantity} seats" if item and item.quantity and item.quantity > 1 else ""
    if facts.status == "trialing" and facts.trial_end is not None:
        end = words.day(facts.trial_end)
        return Sentence("trial", f"A trial of {plan} began{seats}. It runs until {end}.")
    if facts.status == "incomplete":
        return Sentence(
            "created",
            f"A subscription to {plan} was started{seats}. It waits for its first payment.",
        )
    return Sentence("created", f"A subscription to {plan} began{seats}.")


def updated(happening: Happening, words: Words) -> Sentence:
    """A subscription changed: each change that counts, in one sentence each."""
    before, after = happening.before, happening.after
    if not isinstance(after, SubscriptionFacts):
        return Sentence("info", "The subscription changed in a way that cannot be read.")
    if not isinstance(before, SubscriptionFacts):
        return Sentence(
            "info", f"Stripe reported that the subscription {status_words(after.status)}."
        )
    parts = [part for tell in _CHANGES for part in tell(before, after, words)]
    if not parts:
        return Sentence("info", "Details changed that nothing here depends on.", quiet=True)
    details = (
        comment_line(after) if before.cancellation_comment != after.cancellation_comment else ()
    )
    return Sentence(parts[0][0], " ".join(text for _, text in parts), details)


def ended(happening: Happening, words: Words) -> Sentence:
    """A subscription is over."""
    facts = happening.after
    if not isinstance(facts, SubscriptionFacts):
        return Sentence("ended", "A subscription ended.")
    if facts.status == "incomplete_expired":
        return Sentence("ended", "The first payment never came, so the subscription expired.")
    return Sentence("ended", _end(facts, words), comment_line(facts))


def _end(facts: SubscriptionFacts, words: Words) -> str:
    plan = words.plan(facts)
    match facts.cancellation_reason:
        case "payment_failed":
            return f"The subscription to {plan} ended because payment failed."
        case "payment_disputed":
            return f"The subscription to {plan} ended because a payment was disputed."
        case "canceled_by_retention_policy":
            return f"Stripe ended the subscription to {plan} by its retention policy."
        case "cancellation_requested" if facts.canceled_at is not None:
            asked, over = words.day(facts.canceled_at), facts.ended_at
            if over is not None and words.day(over) == asked:
                return f"The subscription to {plan} was canceled and ended at once."
            if facts.cancellation_feedback or facts.cancellation_comment:
                return (
                    f"The subscription to {plan} ended; the customer had asked for it on {asked}."
                )
            return f"The subscription to {plan} ended, as had been asked for on {asked}."
        case _:
            return f"The subscription to {plan} ended."


def trial_will_end(happening: Happening, words: Words) -> Sentence:
    """Stripe's notice, three days before a trial's end or when one is cut short."""
    facts = happening.after
    if isinstance(facts, SubscriptionFacts) and facts.trial_end is not None:
        return Sentence("trial", f"The trial ends on {words.day(facts.trial_end)}.")
    return Sentence("trial", "The trial ends soon.")


def paused(happening: Happening, words: Words) -> Sentence:  # noqa: ARG001 - as all of these
    """A subscription was paused: no access until it is resumed."""
    return Sentence("paused", "The subscription was paused.")


def resumed(happening: Happening, words: Words) -> Sentence:  # noqa: ARG001 - as all of these
    """A paused subscription goes on."""
    return Sentence("resumed", "The subscription was resumed.")


def snapshot(happening: Happening, words: Words) -> Sentence:  # noqa: ARG001 - as all of these
    """Stripe's answer to a question of ours."""
    facts = happening.after
    status = status_words(facts.status) if isinstance(facts, SubscriptionFacts) else "was looked up"
    return Sentence(
        "info", f"Stripe was asked, and said that the subscription {status}.", quiet=True
    )


def _status(before: SubscriptionFacts, after: SubscriptionFacts, words: Words) -> Iterator[Part]:
    if before.status == after.status:
        return
    if after.status not in KNOWN_STATUSES:
        text = f"Stripe now calls the subscription `{after.status}`, which is not known here"
        yield "unknown", f"{text}: access stays as it was."
    elif (before.status, after.status) in _TRANSITIONS:
        yield _TRANSITIONS[before.status, after.status]
    elif after.status == "trialing" and after.trial_end is not None:
        yield "trial", f"A trial began. It runs until {words.day(after.trial_end)}."
    else:
        sentence = f"The subscription {status_words(after.status)}."
        yield _ENTERED.get(after.status, ("status", sentence))


def _cancellation(
    before: SubscriptionFacts, after: SubscriptionFacts, words: Words
) -> Iterator[Part]:
    if after.final:
        return
    old, new = winding_down_until(before), winding_down_until(after)
    feedback = after.cancellation_feedback
    if old is None and new is not None:
        who = "The customer set the subscription" if feedback else "The subscription was set"
        reason = f" Reason: {feedback_words(feedback)}." if feedback else ""
        yield "canceling", f"{who} to end on {words.day(new)}.{reason}"
    elif old is not None and new is None:
        yield "undone", "The cancellation was undone: the subscription goes on."
    elif old is not None and new is not None:
        if new != old:
            text = f"The subscription now ends on {words.day(new)}, not {words.day(old)}."
            yield "canceling", text
        if feedback and feedback != before.cancellation_feedback:
            yield "canceling", f"The customer said why: {feedback_words(feedback)}."
        elif _comment_is_new(before, after):
            yield "canceling", "The customer left a comment."


def _comment_is_new(before: SubscriptionFacts, after: SubscriptionFacts) -> bool:
    return bool(after.cancellation_comment) and (
        before.cancellation_comment != after.cancellation_comment
    )


def _plan(before: SubscriptionFacts, after: SubscriptionFacts, words: Words) -> Iterator[Part]:
    old, new = words.main(before), words.main(after)
    if old is None or new is None:
        return
    if old.price_id != new.price_id:
        yield "switched", f"The plan changed from {words.item(old)} to {words.item(new)}."
    if old.quantity != new.quantity and new.quantity is not None:
        if old.quantity is None:
            yield "seats", f"The quantity is now {new.quantity}."
        else:
            yield "seats", f"The quantity changed from {old.quantity} to {new.quantity}."
    deciding = {old.price_id, new.price_id}
    was = {item.price_id for item in before.items} - deciding
    now = {item.price_id for item in after.items} - deciding
    if now - was:
        yield "switched", "An item was added."
    if was - now:
        yield "switched", "An item was taken away."


def _period(before: SubscriptionFacts, after: SubscriptionFacts, words: Words) -> Iterator[Part]:
    old, new = before.current_period_end, after.current_period_end
    if old is None or new is None or new <= old or after.status not in ("active", "past_due"):
        return
    if before.status == "trialing" or before.trial_end != after.trial_end:
        return
    yield "renewed", f"A new period began. It runs until {words.day(new)}."


def _trial(before: SubscriptionFacts, after: SubscriptionFacts, words: Words) -> Iterator[Part]:
    old, new = before.trial_end, after.trial_end
    if new is not None and old is not None and new != old and after.status == "trialing":
        yield "trial", f"The trial now ends on {words.day(new)}, not {words.day(old)}."


def _pause(before: SubscriptionFacts, after: SubscriptionFacts, words: Words) -> Iterator[Part]:
    if before.pause_behavior is None and after.pause_behavior is not None:
        until = after.pause_resumes_at
        when = f" until {words.day(until)}" if until is not None else ""
        yield "paused", f"Collecting payments was paused{when}. Access stays as it is."
    elif before.pause_behavior is not None and after.pause_behavior is None:
        yield "resumed", "Payments are collected again."


def _schedule(before: SubscriptionFacts, after: SubscriptionFacts, words: Words) -> Iterator[Part]:  # noqa: ARG001
    if before.schedule_id is None and after.schedule_id is not None:
        yield "schedule", "A change of the subscription was scheduled."
    elif before.schedule_id is not None and after.schedule_id is None:
        yield "schedule", "Nothing is scheduled for the subscription any more."


def _collection(
    before: SubscriptionFacts,
    after: SubscriptionFacts,
    words: Words,  # noqa: ARG001
) -> Iterator[Part]:
    if before.collection_method != after.collection_method and after.collection_method is not None:
        how = (
            "by invoices that the customer pays"
            if after.collection_method == "send_invoice"
            else "from the stored way to pay"
        )
        yield "status", f"Payment is now collected {how}."


_CHANGES: tuple[Callable[[SubscriptionFacts, SubscriptionFacts, Words], Iterator[Part]], ...] = (
    _cancellation,
    _status,
    _plan,
    _trial,
    _period,
    _pause,
    _schedule,
    _collection,
)
