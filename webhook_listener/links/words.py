"""What the public pages say, in the customer's language.

Every English text stands here (or in a template) as the argument of ``_``; ``locale/*.po`` hold the
others, and a test finds what they lack.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from babel.dates import format_time

from billing_core.config import BillingConfig
from billing_core.dates import long_date
from billing_core.destinations import (
    BILLING_HOME,
    CANCEL_SUBSCRIPTION,
    CHANGE_TO_A_GIVEN_PLAN,
    CHECKOUT,
    PAUSE_SUBSCRIPTION,
    SWITCH_PLAN,
    UPDATE_DETAILS,
    UPDATE_PAYMENT_METHOD,
)
from billing_core.errors import BillingErrorCode
from billing_core.link_results import News, Result
from billing_core.links import LinkState
from webhook_listener.links.languages import translations

PASSING = frozenset({BillingErrorCode.STRIPE_UNAVAILABLE, BillingErrorCode.RATE_LIMITED})


@dataclass(frozen=True, slots=True)
class Text:
    """A heading and the sentences under it."""

    heading: str
    sentences: tuple[str, ...]


class Words:
    """The sentences of one language."""

    def __init__(self, locale: str, config: BillingConfig) -> None:
        self.locale = locale
        self._config = config
        self._gettext = translations(locale).gettext

    def day(self, at: datetime) -> str:
        """A day in UTC: "14 August 2026"."""
        return long_date(at, locale=self.locale)

    def moment(self, at: datetime) -> str:
        """A minute in UTC: "14 August 2026, 10:00 UTC"."""
        return f"{self.day(at)}, {format_time(at.astimezone(UTC), 'HH:mm', locale=self.locale)} UTC"

    def destination(self, name: str) -> str:
        """A destination's name, as it stands on the button."""
        _ = self._gettext
        return {
            CANCEL_SUBSCRIPTION: _("Cancel subscription"),
            SWITCH_PLAN: _("Switch plan"),
            CHANGE_TO_A_GIVEN_PLAN: _("Confirm plan change"),
            PAUSE_SUBSCRIPTION: _("Pause subscription"),
            UPDATE_PAYMENT_METHOD: _("Update payment method"),
            UPDATE_DETAILS: _("Update billing details"),
            BILLING_HOME: _("Billing home"),
            CHECKOUT: _("Checkout"),
        }[name]

    def about(self, name: str) -> str:
        """What the customer finds at a destination."""
        _ = self._gettext
        return {
            CANCEL_SUBSCRIPTION: _("It leads to the page where you can cancel your subscription."),
            SWITCH_PLAN: _(
                "It leads to the page where you can choose another plan and see what it costs."
            ),
            CHANGE_TO_A_GIVEN_PLAN: _(
                "It leads to the page where you can look at your new plan and agree to it."
            ),
            PAUSE_SUBSCRIPTION: _("It leads to the page where you can pause your subscription."),
            UPDATE_PAYMENT_METHOD: _(
                "It leads to the page where you can store another way to pay."
            ),
            UPDATE_DETAILS: _(
                "It leads to the page where you can correct your name, address and tax details."
            ),
            BILLING_HOME: _("It leads to your plan, your payment method and your invoices."),
            CHECKOUT: _(
                "It leads to the page where you can start your subscription and see what it costs."
            ),
        }[name]

    def problem(self, code: BillingErrorCode, ends_at: datetime | None = None) -> str:
        """Why the customer cannot be sent where the link was made for."""
        _ = self._gettext
        if code is BillingErrorCode.ALREADY_CANCELING and ends_at is not None:
            to_come = _(
                "Your subscription is already set to end on %(date)s. You can undo that at"
                " “Billing home”."
            )
            due = _(
                "Your subscription was to end on %(date)s. You can see whether it has at"
                " “Billing home”."
            )
            return (to_come if ends_at > datetime.now(UTC) else due) % {"date": self.day(ends_at)}
        return {
            BillingErrorCode.ALREADY_CANCELING: _(
                "Your subscription is already set to end. You can undo that at “Billing home”."
            ),
            BillingErrorCode.SUBSCRIPTION_ENDED: _(
                "Your subscription has ended. Your invoices are at “Billing home”."
            ),
            BillingErrorCode.NO_SUBSCRIPTION: _(
                "There is no subscription any more that this link could be about."
            ),
            BillingErrorCode.ALREADY_SUBSCRIBED: _(
                "You have a subscription already. You can manage it at “Billing home”."
            ),
            BillingErrorCode.NO_CUSTOMER: _(
                "The account that this link was made for is not there any more."
            ),
            BillingErrorCode.SCHEDULED_UPDATE: _(
                "A change of your subscription is planned already, so it cannot be changed online"
                " at the moment. Write to us and we will help."
            ),
            BillingErrorCode.SEVERAL_ITEMS: _(
                "Your subscription has several parts and cannot be changed online. Write to us and"
                " we will help."
            ),
            BillingErrorCode.NO_CHANGES: _("You have this plan already: there is nothing to do."),
            BillingErrorCode.UNKNOWN_PRICE: _(
                "This offer is not available any more. Write to us and we will make you a new one."
            ),
            BillingErrorCode.STRIPE_UNAVAILABLE: _(
                "Our payment provider does not answer at the moment. Try again in a few minutes."
            ),
            BillingErrorCode.RATE_LIMITED: _(
                "Very many people are here at the moment. Try again in a few minutes."
            ),
        }.get(
            code,
            _("That page cannot be opened at the moment, which is our fault. Write to us, please."),
        )

    def dead_end(self, state: LinkState | None) -> Text:
        """Why a link does not work any more; None for one that is not known."""
        _ = self._gettext
        if state is LinkState.USED_UP:
            return Text(
                _("This link has been used"),
                (_("For your safety it works only as often as it was made for."),),
            )
        if state is LinkState.EXPIRED:
            return Text(
                _("This link has expired"),
                (_("For your safety links work for a limited time only."),),
            )
        if state is LinkState.REVOKED:
            return Text(
                _("This link has been withdrawn"),
                (_("We have withdrawn it, perhaps because you were sent a newer one."),),
            )
        return Text(
            _("We do not know this link"),
            (
                _(
                    "Part of it may be missing. Open it from the message once more, or copy all of it."
                ),
            ),
        )

    def trouble(self, kind: str) -> Text:
        """What went wrong with the visit itself: ``busy``, ``away`` or ``elsewhere``."""
        _ = self._gettext
        return {
            "busy": Text(
                _("A moment, please"),
                (_("Too much was asked for from your connection. Try again in a minute."),),
            ),
            "away": Text(
                _("We cannot open this at the moment"),
                (_("Try again in a few minutes."),),
            ),
            "elsewhere": Text(
                _("Please open the link itself"),
                (_("This page was called from another site. Nothing was done."),),
            ),
        }[kind]

    def refused(self, code: BillingErrorCode, ends_at: datetime | None = None) -> Text:
        """What Stripe's refusal means to the customer, whose link works as before."""
        _ = self._gettext
        return Text(
            _("This did not work"),
            (self.problem(code, ends_at), _("Your link has not been used up.")),
        )

    def waiting(self) -> Text:
        """While nothing has arrived."""
        _ = self._gettext
        return Text(
            _("A moment, please"),
            (_("We are waiting to hear from our payment provider, usually for a few seconds."),),
        )

    def unchanged(self) -> Text:
        """When nothing has arrived for a while."""
        _ = self._gettext
        return Text(
            _("Nothing has changed"),
            (
                _(
                    "If you did change something, it can take some minutes to arrive here. You need"
                    " not do it again."
                ),
            ),
        )

    def long_ago(self) -> Text:
        """When the visit is over."""
        _ = self._gettext
        return Text(
            _("There is nothing more to tell here"),
            (_("Everything is in your account."),),
        )

    def came(self, news: News) -> Text:
        """What the webhook brought."""
        heading, sentence = self._of(news)
        return Text(heading, (sentence,) if sentence else ())

    def _of(self, news: News) -> tuple[str, str]:
        _ = self._gettext
        plan = self._config.plan_name(news.plan)
        date = self.day(news.ends_at) if news.ends_at is not None else None
        if news.result is Result.ENDING and date is not None:
            heading = _("Your plan ends on %(date)s.") % {"date": date}
            return heading, _("You keep access until then.")
        if news.result is Result.STARTED and plan is not None:
            return _("Your plan is active: %(plan)s.") % {"plan": plan}, ""
        if news.result is Result.PLAN_CHANGED and plan is not None:
            return _("Your plan is now %(plan)s.") % {"plan": plan}, ""
        if news.result is Result.QUANTITY_CHANGED and news.quantity is not None:
            return _("The quantity of your plan is now %(count)s.") % {"count": news.quantity}, ""
        return {
            Result.ENDING: (_("Your plan is set to end."), _("You keep access until then.")),
            Result.CONTINUES: (_("Your plan continues."), _("It is not set to end.")),
            Result.ENDED: (_("Your plan has ended."), _("Your invoices remain available.")),
            Result.PAUSED: (_("Your plan is paused."), _("You can resume it at any time.")),
            Result.STARTED: (_("Your plan is active."), ""),
            Result.PLAN_CHANGED: (_("Your plan has been changed."), ""),
            Result.QUANTITY_CHANGED: (_("Your plan has been changed."), ""),
            Result.PAYMENT_METHOD: (_("Your payment method is up to date."), ""),
            Result.DETAILS: (_("Your billing details are up to date."), ""),
            Result.UPDATED: (_("Your subscription is up to date."), ""),
        }[news.result]
