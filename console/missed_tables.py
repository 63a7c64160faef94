"""What webhooks did not bring, what stood otherwise at Stripe, and where Stripe sends events."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from markupsafe import Markup

from billing_core.rows import (
    AlertState,
    DriftRow,
    EndpointLook,
    EndpointRow,
    ReconcileRun,
    Reconciliation,
    VersionVolume,
)
from console import elements
from console.elements import Column, Text
from console.viewer import Viewer, ago, lasting

_RUNS = (
    Column("When"),
    Column("Looked at", number=True),
    Column("Missing", number=True),
    Column("What was found"),
)
_DRIFT = (
    Column("Subscription"),
    Column("Field"),
    Column("Here"),
    Column("At Stripe"),
    Column("Found"),
)
_VERSIONS = (Column("API version"), Column("Events in a day", number=True))
_ALERTS = (Column("What"), Column("Since"), Column("Told"))
_NAMED = 3


def event_link(event_id: str) -> Markup:
    """An event by its id, leading to what became of it."""
    return elements.link(elements.code(event_id), "/webhooks", view="waiting", event=event_id)


def walks(kept: Reconciliation, now: datetime, who: Viewer) -> Markup:
    """When Stripe was last asked, when it will be, and what came of it in all."""
    if kept.due_at is None:
        due: Text = "Not by the clock" if not kept.every_seconds else "With the first walk"
    else:
        late = kept.due_at < now
        due = elements.timed(
            "Now" if late else f"In {lasting((kept.due_at - now).total_seconds())}", kept.due_at
        )
    return elements.facts(
        [
            ("Last asked", _ago(kept.ran_at, now)),
            ("Last to the end", _ago(kept.done_at, now)),
            ("Next", due),
            ("Recovered in a day", f"{kept.recovered_since(now - timedelta(days=1)):,}"),
            ("Recovered ever", f"{kept.recovered_ever:,}"),
            ("First import", _backfill(kept, who)),
        ]
    )


def run_table(runs: Iterable[ReconcileRun], who: Viewer) -> Markup:
    """The last walks, and the older ones that found something or failed."""
    rows = [
        (elements.time(run.ran_at, who), f"{run.looked_at:,}", f"{run.missing:,}", _found(run))
        for run in runs
    ]
    return elements.table(_RUNS, rows, "Walks over Stripe's events")


def drift_table(found: Iterable[DriftRow], who: Viewer) -> Markup:
    """Fields that stood otherwise at Stripe, with both values."""
    return elements.table(_DRIFT, [_drift(each, who) for each in found], "Drift")


def version_table(versions: Iterable[VersionVolume]) -> Markup:
    """The versions that events were rendered in."""
    rows = [(elements.code(each.api_version), f"{each.events:,}") for each in versions]
    return elements.table(_VERSIONS, rows, "API versions in use")


def endpoint_notices(
    look: EndpointLook | None, versions: Sequence[VersionVolume]
) -> Iterable[tuple[str, str]]:
    """What should be put right at the endpoint, as sentences with their tones."""
    for each in look.endpoints if look is not None else ():
        if each.status == "disabled":
            yield f"Stripe has disabled {each.endpoint_id}: it sends nothing there.", "bad"
        if each.missing:
            named = ", ".join(each.missing)
            yield f"{each.endpoint_id} leaves out events that are needed: {named}.", "warn"
    if len(versions) > 1:
        sentence = (
            "Events arrive in several API versions. All are understood; it means that more than one"
            " endpoint, or one that was made anew, sends here."
        )
        yield sentence, "warn"
    if look is not None and look.refused is None and not look.endpoints:
        sentence = (
            f"No endpoint of this Stripe account leads to {look.wanted}. That is right while"
            " Stripe's CLI forwards events."
        )
        yield sentence, "info"


def endpoint_facts(look: EndpointLook | None, now: datetime) -> Markup:
    """The endpoint as Stripe has it, or why that is not known."""
    if look is None:
        return elements.quiet("The endpoint has not been looked up yet.")
    if look.refused is not None:
        return elements.quiet(
            "The restricted key may not read webhook endpoints, so only the events themselves tell."
            " Give it “Webhook Endpoints: read” to see the endpoint here."
            if look.refused == "permission_denied"
            else "Stripe did not tell about the endpoint when it was last asked."
        )
    shown = [_endpoint(each, look, now) for each in look.endpoints]
    return elements.NOTHING.join(shown)


def alert_table(state: AlertState, who: Viewer) -> Markup:
    """Which alerts are on, and who has been told."""
    rows = [
        (
            elements.lines(each.title, elements.quiet(each.sentence)),
            elements.time(each.since, who),
            elements.lines(
                elements.time(each.told_at, who) if each.told_at else _untold(state),
                elements.quiet(f"Tried again: {', '.join(each.failing)}") if each.failing else None,
            ),
        )
        for each in state.alerts
    ]
    return elements.table(_ALERTS, rows, "Alerts")


def _untold(state: AlertState) -> str:
    return "Not yet" if state.targets else "Nobody"


def _ago(at: datetime | None, now: datetime) -> Text:
    return elements.timed(ago(at, now), at) if at is not None else "Never"


def _backfill(kept: Reconciliation, who: Viewer) -> Text:
    if kept.backfill_stage is not None:
        return f"Reading {kept.backfill_stage}: {kept.backfill_read:,} so far"
    if kept.backfill_finished_at is not None:
        return elements.time(kept.backfill_finished_at, who)
    return "Never made"


def _found(run: ReconcileRun) -> Text:
    if run.error is not None:
        return elements.lines(elements.badge("Failed", "bad"), run.error)
    if not run.missing:
        return elements.quiet("Nothing was missing")
    links = elements.lines(*(event_link(each) for each in run.events[:_NAMED]))
    more = run.missing - min(_NAMED, len(run.events))
    return elements.lines(
        "The first walk: these were there before" if run.first else None,
        links,
        elements.quiet(f"and {more:,} more") if more else None,
    )


def _drift(each: DriftRow, who: Viewer) -> tuple[Text, ...]:
    organization = elements.organization_link(each.org_id, None) if each.org_id else None
    return (
        elements.lines(elements.code(each.subscription_id), organization),
        each.field.replace("_", " "),
        elements.untrusted(each.ours),
        elements.untrusted(each.stripes),
        elements.lines(
            elements.time(each.found_at, who), event_link(each.event_id) if each.event_id else None
        ),
    )


def _endpoint(each: EndpointRow, look: EndpointLook, now: datetime) -> Markup:
    enabled = each.status == "enabled"
    return elements.facts(
        [
            ("Endpoint", elements.code(each.endpoint_id)),
            ("Leads to", elements.untrusted(each.url)),
            ("Status", elements.badge(each.status.capitalize(), "good" if enabled else "bad")),
            ("API version", elements.code(each.api_version or "the account's default")),
            ("Looked up", _ago(look.looked_at, now)),
        ]
    )
