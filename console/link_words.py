"""Support links in a word, and what came of them in a sentence."""

from datetime import datetime

from markupsafe import Markup

from billing_core.link_results import WINDOW, News, Result
from billing_core.links import Link, LinkState
from console import data, elements
from console.elements import Text
from console.viewer import Viewer

_STATES = {
    LinkState.ACTIVE: ("Active", "info"),
    LinkState.USED_UP: ("Used up", "good"),
    LinkState.EXPIRED: ("Expired", "plain"),
    LinkState.REVOKED: ("Revoked", "warn"),
}
STATE_NAMES = {state.value: word for state, (word, _) in _STATES.items()}
_RESULTS = {
    Result.ENDING: "The subscription is set to end",
    Result.CONTINUES: "The subscription continues",
    Result.ENDED: "The subscription has ended",
    Result.PAUSED: "The subscription is paused",
    Result.STARTED: "A subscription began",
    Result.PLAN_CHANGED: "The plan was changed",
    Result.QUANTITY_CHANGED: "The quantity was changed",
    Result.PAYMENT_METHOD: "The payment method was updated",
    Result.DETAILS: "The billing details were updated",
    Result.UPDATED: "The subscription was updated",
}


def state_badge(state: LinkState) -> Markup:
    """Whether a link still works, in a word."""
    return elements.badge(*_STATES[state])


def came_of(link: Link, news: News | None, who: Viewer, now: datetime) -> Text:
    """What the customer changed after the link was last used, or that nothing has arrived."""
    if news is not None:
        return result(news, who)
    if link.last_redeemed_at is None:
        if link.refusal_code is None:
            return elements.DASH
        return elements.quiet(f"Refused: {link.refusal_code.replace('_', ' ')}")
    waiting = now < link.last_redeemed_at + WINDOW
    return elements.quiet("Nothing yet" if waiting else "Nothing changed")


def result(news: News, who: Viewer) -> str:
    """What the customer changed: "The subscription is set to end on 14 August 2026"."""
    plan = data.config().plan_name(news.plan)
    sentence = _RESULTS[news.result]
    if news.result is Result.ENDING and news.ends_at is not None:
        return f"{sentence} on {who.day(news.ends_at)}"
    if news.result in (Result.STARTED, Result.PLAN_CHANGED) and plan is not None:
        return f"{sentence}: {plan}"
    if news.result is Result.QUANTITY_CHANGED and news.quantity is not None:
        return f"{sentence} to {news.quantity:,}"
    return sentence
