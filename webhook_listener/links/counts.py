"""What the public pages count for Prometheus. No token and no organization is a label."""

from prometheus_client import CollectorRegistry, Counter


class Counts:
    """Counters of pages, redemptions and returns."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.pages = Counter(
            "billing_link_pages",
            "Pages shown for support links; mail scanners' looks are among them.",
            ["page"],
            registry=registry,
        )
        self.redemptions = Counter(
            "billing_link_redemptions",
            "Redeemed links by what became of it.",
            ["destination", "outcome"],
            registry=registry,
        )
        self.returns = Counter(
            "billing_link_returns",
            "Return pages shown, by what could be told.",
            ["state"],
            registry=registry,
        )
