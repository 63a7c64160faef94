"""What came of a redeemed link, in a few words."""

from billing_core.link_results import News, Result
from billing_core.sentences.words import Words

_CAME: dict[Result, str] = {
    Result.ENDING: "set to end",
    Result.CONTINUES: "goes on",
    Result.ENDED: "ended",
    Result.PAUSED: "paused",
    Result.STARTED: "subscription started",
    Result.PLAN_CHANGED: "plan changed",
    Result.QUANTITY_CHANGED: "quantity changed",
    Result.PAYMENT_METHOD: "payment method changed",
    Result.DETAILS: "billing details changed",
    Result.UPDATED: "subscription changed",
}


def came_of(news: News, words: Words | None = None) -> str:
    """What the customer did: "Set to end on 14 August 2026"."""
    words = words or Words()
    text = _CAME[news.result]
    if news.result is Result.ENDING and news.ends_at is not None:
        text += f" on {words.day(news.ends_at)}"
    elif news.result is Result.PLAN_CHANGED and news.plan is not None:
        text += f" to {words.config.plan_name(news.plan)}"
    elif news.result is Result.QUANTITY_CHANGED and news.quantity is not None:
        text += f" to {news.quantity}"
    return f"{text[:1].upper()}{text[1:]}"
