"""The sample company: who comes, when, and what is on sale then."""

from __future__ import annotations

import random
from dataclasses import dataclass

from sandbox.account import Account
from sandbox.periods import DAY, months_after
from sandbox.seed.catalogue import MOVED_KEY, PLAN_KEYS, Catalogue
from sandbox.seed.life import Identity, Life
from sandbox.seed.people import ACME, BLUE_HARBOR, People, slug

HISTORY_DAYS = 730
KEY_MOVED_DAYS_AGO = 400
_MONTHLY = [key for key in PLAN_KEYS if "_monthly" in key]
_YEARLY = [key for key in PLAN_KEYS if "_yearly" in key]
_USD_MONTHLY = ["starter_monthly", "pro_monthly", "team_monthly"]
_KNOWN_BY = ["metadata"] * 10 + ["checkout"] * 9 + ["none"]


@dataclass
class Company:
    """The sample company up to `now`; hands out newcomers and chooses what they do."""

    account: Account
    catalogue: Catalogue
    dice: random.Random
    people: People
    now: int

    def newcomer(self, known_by: str | None = None, *, name: str | None = None) -> Life:
        """Somebody who is not a customer yet."""
        name = name or self.people.next_name()
        number = self.people.given
        plain = slug(name, number)
        if name in {ACME, BLUE_HARBOR}:
            org_id = "org_acme" if name == ACME else "org_blueharbor"
        else:
            org_id = f"org_{plain[:14]}{number}"
        who = Identity(
            name=name,
            email=f"billing@{plain}.example",
            org_id=org_id,
            known_by=known_by or self.dice.choice(_KNOWN_BY),
        )
        return Life(self.account, self.catalogue, self.dice, who)

    def ago(self, most_days: float, least_days: float = 1) -> int:
        """Some moment between so many and so few days ago."""
        seconds = self.dice.uniform(least_days, most_days) * DAY
        return self.now - int(seconds)

    def months_before(self, moment: int, most: int, least: int = 1) -> int:
        """Some whole number of months before a moment, so that a monthly period ends there."""
        return months_after(moment, -self.dice.randint(least, most))

    def monthly(self, moment: int) -> str:
        """A monthly plan on sale at that moment; before its price moved, Pro's is not drawn."""
        if moment < self.now - KEY_MOVED_DAYS_AGO * DAY:
            return self.dice.choice([key for key in _MONTHLY if key != MOVED_KEY])
        return self.dice.choice([*_MONTHLY, MOVED_KEY])

    def yearly(self) -> str:
        """A yearly plan."""
        return self.dice.choice(_YEARLY)

    def mode(self) -> bool:
        """Flexible billing mode or not, about as often."""
        return self.dice.random() < 0.5
