"""What is sent: one condition that has begun, that continues, or that is over."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

import orjson

from billing_core.dates import lasting


class Kind(StrEnum):
    """What a notice says about its condition."""

    RAISED = "raised"
    CONTINUES = "continues"
    RECOVERED = "recovered"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class Notice:
    """One notice; ``url`` leads to the console's page about it, empty where that is not known."""

    kind: Kind
    condition: str
    title: str
    sentence: str
    since: datetime
    at: datetime
    company: str
    url: str

    @property
    def notice_id(self) -> str:
        """The same for every attempt to deliver this notice, so that a repeat can be told."""
        day = f"{self.at:%Y%m%dT%H}" if self.kind is Kind.CONTINUES else ""
        return ":".join((self.condition, f"{self.since.timestamp():.0f}", self.kind.value + day))

    @property
    def headline(self) -> str:
        """The whole in a line."""
        begins = {
            Kind.RAISED: "",
            Kind.CONTINUES: "Still: ",
            Kind.RECOVERED: "Over: ",
            Kind.TEST: "Test: ",
        }
        return f"{begins[self.kind]}{self.title}"

    @property
    def text(self) -> str:
        """What has to be known, in sentences."""
        if self.kind is Kind.RECOVERED:
            took = lasting((self.at - self.since).total_seconds())
            return f"It is over after {took}. It was: {self.sentence}"
        return self.sentence

    def json(self) -> bytes:
        """The body for a webhook; ``text`` is what most chat services show."""
        return orjson.dumps(
            {
                "id": self.notice_id,
                "kind": self.kind.value,
                "condition": self.condition,
                "title": self.title,
                "text": f"{self.company} billing: {self.headline}. {self.text}",
                "since": self.since.astimezone(UTC).isoformat(),
                "at": self.at.astimezone(UTC).isoformat(),
                "url": self.url or None,
            }
        )
