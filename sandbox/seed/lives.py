"""The kinds of lives that the sample company's customers lead, and how many lead each."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.periods import DAY, months_after
from sandbox.seed.catalogue import EXTRA_STORAGE
from sandbox.seed.company import HISTORY_DAYS, Company
from sandbox.seed.people import ACME, BLUE_HARBOR


def loyal(company: Company) -> None:
    """Pays every month; young customers are more common than old ones."""
    start = company.ago(HISTORY_DAYS * company.dice.random() ** 0.8 + 5, 4)
    life = company.newcomer().at(start)
    life.subscribe(company.monthly(start), flexible=company.mode()).at(company.now)


def loyal_by_the_year(company: Company) -> None:
    """Pays every year."""
    life = company.newcomer().at(company.ago(HISTORY_DAYS - 5, 5))
    life.subscribe(company.yearly(), flexible=company.mode()).at(company.now)


def trying(company: Company) -> None:
    """Is on trial right now."""
    life = company.newcomer().at(company.ago(12, 0.5))
    life.subscribe(company.monthly(company.now), trial_days=14).at(company.now)


def trying_and_leaving(company: Company) -> None:
    """Is on trial and has already cancelled."""
    life = company.newcomer().at(company.ago(12, 3))
    life.subscribe(company.monthly(company.now), trial_days=14)
    life.at(company.ago(2, 0.5)).cancel().at(company.now)


def convinced(company: Company) -> None:
    """Stayed after the trial."""
    start = company.ago(250, 20)
    life = company.newcomer().at(start)
    life.subscribe(company.monthly(start), trial_days=14).at(company.now)


def unconvinced(company: Company) -> None:
    """Cancelled during the trial, which has ended since."""
    start = company.ago(300, 20)
    life = company.newcomer().at(start)
    life.subscribe(company.monthly(start), trial_days=14, flexible=company.mode())
    life.at(start + company.dice.randint(1, 12) * DAY).cancel().at(company.now)


def past_due(company: Company) -> None:
    """The last renewal failed; Stripe is trying again."""
    renewal = company.ago(11, 0.5)
    start = company.months_before(renewal, 9, 2)
    life = company.newcomer().at(start).subscribe(company.monthly(start), flexible=company.mode())
    life.at(renewal - DAY).card_fails().at(company.now)


def recovered(company: Company) -> None:
    """A renewal failed, then a new card was accepted."""
    renewal = company.ago(120, 20)
    start = company.months_before(renewal, 8, 2)
    life = company.newcomer().at(start).subscribe(company.monthly(start), flexible=company.mode())
    life.at(renewal - DAY).card_fails().at(renewal + 5 * DAY).new_card().at(company.now)


def ended_unpaid(company: Company) -> None:
    """Every retry failed, so the subscription was ended."""
    renewal = company.ago(300, 25)
    start = company.months_before(renewal, 6, 1)
    life = company.newcomer().at(start).subscribe(company.monthly(start), flexible=company.mode())
    life.at(renewal - DAY).card_fails().at(company.now)


def left_unpaid(company: Company) -> None:
    """Every retry failed while the account's settings said to leave it unpaid."""
    renewal = company.ago(27, 18)
    start = company.months_before(renewal, 6, 2)
    life = company.newcomer().at(start).subscribe("pro_monthly")
    company.account.store.remember("after_failed_payments", "mark_unpaid")
    life.at(renewal - DAY).card_fails().at(company.now)
    company.account.store.remember("after_failed_payments", "cancel")


def upgraded(company: Company) -> None:
    """Started small and moved up."""
    start = company.ago(380, 60)
    life = company.newcomer().at(start).subscribe("starter_monthly", flexible=company.mode())
    life.at(company.ago(55, 2)).switch(company.dice.choice(["pro_monthly", "team_monthly"]))
    life.at(company.now)


def grew(company: Company) -> None:
    """Added seats."""
    start = company.ago(380, 60)
    life = company.newcomer().at(start).subscribe("team_monthly", quantity=5)
    life.at(company.ago(50, 25)).switch("team_monthly", 12)
    life.at(company.ago(20, 2)).switch("team_monthly", 30).at(company.now)


def went_yearly(company: Company) -> None:
    """Moved from monthly to yearly payment."""
    start = company.ago(360, 90)
    life = company.newcomer().at(start).subscribe("pro_monthly")
    life.at(company.ago(80, 5)).switch("pro_yearly").at(company.now)


def downgraded(company: Company) -> None:
    """Moved down to the smallest plan."""
    start = company.ago(380, 90)
    life = company.newcomer().at(start).subscribe("pro_monthly", flexible=company.mode())
    life.at(company.ago(80, 2)).switch("starter_monthly").at(company.now)


def downgrading(company: Company) -> None:
    """Will be on a smaller plan from the next period on."""
    start = company.ago(200, 40)
    life = company.newcomer().at(start).subscribe("pro_monthly")
    life.at(company.ago(6, 1)).switch_later("starter_monthly").at(company.now)


def leaving_this_month(company: Company) -> None:
    """Has cancelled; the end comes within four weeks."""
    end = company.now + int(company.dice.uniform(1, 27) * DAY)
    start = company.months_before(end, 14, 2)
    life = company.newcomer().at(start).subscribe(company.monthly(start), flexible=company.mode())
    requested = max(company.now - 3 * DAY, months_after(end, -1) + 3600)
    life.at(min(requested, company.now - 3600)).cancel().at(company.now)


def leaving_next_month(company: Company) -> None:
    """Has cancelled a yearly plan; the end comes in four to eight weeks."""
    end = company.now + int(company.dice.uniform(29, 60) * DAY)
    life = company.newcomer().at(months_after(end, -12))
    life.subscribe(company.yearly(), flexible=company.mode())
    life.at(company.ago(50, 1)).cancel(says_why=company.dice.random() < 0.8).at(company.now)


def stayed_after_all(company: Company) -> None:
    """Cancelled, then took it back."""
    start = company.ago(300, 40)
    life = company.newcomer().at(start).subscribe(company.monthly(start), flexible=company.mode())
    canceled = company.ago(25, 6)
    life.at(canceled).cancel()
    renewal = life.subscription()["items"]["data"][0]["current_period_end"]
    life.at(min(canceled + 3 * DAY, renewal - 3600)).keep().at(company.now)


def left(company: Company) -> None:
    """Cancelled; the period is over."""
    start = company.ago(650, 120)
    life = company.newcomer().at(start).subscribe(company.monthly(start), flexible=company.mode())
    life.at(start + company.dice.randint(25, 85) * DAY).cancel().at(company.now)


def left_and_came_back(company: Company) -> None:
    """Left, and subscribed again to another plan."""
    start = company.ago(500, 300)
    life = company.newcomer("metadata").at(start).subscribe("starter_monthly", flexible=False)
    life.at(start + 70 * DAY).cancel()
    life.at(company.ago(150, 20)).subscribe("starter_yearly").at(company.now)


def looked_only(company: Company) -> None:
    """Signed up and never subscribed."""
    company.newcomer("metadata").at(company.ago(400, 2)).sign_up(card=None).at(company.now)


def paused_collection(company: Company) -> None:
    """Invoices are on hold by agreement; the status stays active."""
    life = company.newcomer("metadata").at(company.ago(200, 100)).subscribe("team_monthly")
    life.at(company.ago(40, 35))
    life.update(pause_collection={"behavior": "void", "resumes_at": company.now + 40 * DAY})
    life.at(company.now)


def paused(company: Company) -> None:
    """The trial ended without a card."""
    life = company.newcomer("metadata").at(company.ago(40, 25)).sign_up(card=None)
    life.subscribe(
        "pro_monthly",
        trial_days=14,
        trial_settings={"end_behavior": {"missing_payment_method": "pause"}},
    )
    life.at(company.now)


def incomplete(company: Company) -> None:
    """The first payment has not gone through yet."""
    life = company.newcomer("metadata").at(company.ago(0.5, 0.1))
    life.subscribe("pro_monthly", payment_behavior="default_incomplete").at(company.now)


def never_completed(company: Company) -> None:
    """The first payment never went through."""
    life = company.newcomer("metadata").at(company.ago(90, 20))
    life.subscribe("pro_monthly", payment_behavior="default_incomplete").at(company.now)


def two_plans(company: Company) -> None:
    """Two subscriptions at once."""
    life = company.newcomer("metadata").at(company.ago(300, 200)).subscribe("starter_monthly")
    life.at(company.ago(100, 50)).subscribe("team_monthly", quantity=8, flexible=False)
    life.at(company.now)


def legacy_deal(company: Company) -> None:
    """Pays a price that no plan knows."""
    life = company.newcomer("metadata").at(company.ago(700, 600))
    life.subscribe("", price=company.catalogue.legacy, flexible=False).at(company.now)


def with_add_on(company: Company) -> None:
    """A plan and extra storage on one subscription."""
    life = company.newcomer("metadata").at(company.ago(200, 100))
    life.subscribe("pro_monthly", extras={EXTRA_STORAGE: 3}).at(company.now)


def acme(company: Company) -> None:
    """For people trying: classic, Pro monthly, active."""
    life = company.newcomer("metadata", name=ACME).at(months_after(company.now, -7) + 20 * DAY)
    life.subscribe("pro_monthly", flexible=False).at(company.now)


def blue_harbor(company: Company) -> None:
    """For people trying: flexible, Team monthly, active."""
    life = company.newcomer("metadata", name=BLUE_HARBOR)
    life.at(months_after(company.now, -5) + 24 * DAY)
    life.subscribe("team_monthly", quantity=12).at(company.now)


LIVES: list[tuple[Callable[[Company], None], int]] = [
    (acme, 1),
    (blue_harbor, 1),
    (loyal, 60),
    (loyal_by_the_year, 24),
    (trying, 7),
    (trying_and_leaving, 2),
    (convinced, 12),
    (unconvinced, 6),
    (past_due, 6),
    (recovered, 8),
    (ended_unpaid, 7),
    (left_unpaid, 1),
    (upgraded, 12),
    (grew, 6),
    (went_yearly, 5),
    (downgraded, 9),
    (downgrading, 2),
    (leaving_this_month, 9),
    (leaving_next_month, 7),
    (stayed_after_all, 6),
    (left, 18),
    (left_and_came_back, 6),
    (looked_only, 12),
    (paused_collection, 1),
    (paused, 1),
    (incomplete, 1),
    (never_completed, 1),
    (two_plans, 1),
    (legacy_deal, 1),
    (with_add_on, 1),
]
