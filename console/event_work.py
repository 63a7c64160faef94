"""What was asked of the listener about events, kept in the address and watched until it is done."""

from collections.abc import Callable

import streamlit as st
from markupsafe import Markup

from billing_core import queries
from billing_core.commands import IgnoreEvents, ReconcileNow, ReplayEvents, ReplayParked
from billing_core.errors import BillingError, DatabaseUnavailableError, SettingsError
from billing_core.permissions import Permission
from billing_core.queries.missed import reconciliation
from billing_core.rows import EventCommand, EventRow, Reconciliation
from console import commands, data, elements, identity
from console.identity import Principal
from console.labels import outcome_badge
from console.viewer import lasting

_KEY = "work"
_FAULT = "event_work_fault"
_EVERY_SECONDS = 1.0
_SHOWN = 10
EventCommands = ReplayEvents | ReplayParked | IgnoreEvents | ReconcileNow


def ask(principal: Principal, command: EventCommands) -> None:
    """Have the listener do it, and watch it from then on; a refusal is shown in its place.

    ``principal`` is who pressed the button: who they are now decides, not who they were when it was
    drawn.
    """
    accepted(principal, command)


def accepted(principal: Principal, command: EventCommands) -> bool:
    """As ``ask``, and whether the listener has recorded it."""
    try:
        now = identity.current()
        if now is None or now.username != principal.username:
            return False  # the page, drawn after this, says that the session has ended
        if not now.may(Permission.REPLAY_EVENTS):
            st.session_state[_FAULT] = "Your role may not replay or ignore events."
            return False
        st.query_params[_KEY] = str(commands.ask_about_events(now, command).audit_id)
    except BillingError as error:
        st.session_state[_FAULT] = error.message
        return False
    except SettingsError as error:
        st.session_state[_FAULT] = str(error)
        return False
    st.session_state.pop(_FAULT, None)
    return True


def panel() -> None:
    """How the last thing that was asked for goes, if the address names one."""
    fault = st.session_state.pop(_FAULT, None)
    if fault is not None:
        elements.notice(fault, "bad")
    audit_id = st.query_params.get(_KEY, "")
    if not audit_id.isdecimal() or len(audit_id) > 9:
        return
    with data.snapshot() as connection:
        asked = queries.event_command(connection, int(audit_id))
        walks = reconciliation(connection)
    if asked is None:
        return
    if _is_done(asked, walks):
        _show(asked, walks)
        st.button("Dismiss", on_click=_forget, key="work_dismiss", type="tertiary")
    else:
        watching: Callable[[int], None] = st.fragment(_watch, run_every=_EVERY_SECONDS)
        watching(int(audit_id))


def _watch(audit_id: int) -> None:
    try:
        if identity.current() is None:
            st.rerun()  # the whole page then says that the session has ended
        with data.snapshot() as connection:
            asked = queries.event_command(connection, audit_id)
            walks = reconciliation(connection)
    except (DatabaseUnavailableError, SettingsError) as error:
        elements.notice(str(error), "warn")
        return
    if asked is None or _is_done(asked, walks):
        st.rerun()
    waited = lasting((data.now() - asked.at).total_seconds())
    doing = "Asking Stripe" if asked.action == "events.reconcile" else "Applying again"
    sentence = Markup('<span class="bc-pulse"></span>{}… asked {} ago.').format(doing, waited)
    elements.notice(sentence, "info")


def _is_done(asked: EventCommand, walks: Reconciliation) -> bool:
    if asked.action == "events.reconcile":
        return walks.ran_at is not None and walks.ran_at > asked.at
    return asked.outcome in ("ignored", "denied") or asked.ended is not None


def _show(asked: EventCommand, walks: Reconciliation) -> None:
    if asked.action == "events.reconcile":
        elements.notice(*_of_walk(walks))
        return
    if asked.outcome == "ignored":
        elements.notice("Ignored. The reason is kept with each event and in the audit log.", "good")
        return
    elements.notice(*_of_replay(asked))
    named = [word for word in (asked.detail or "").split() if "_" in word][:_SHOWN]
    with data.snapshot() as connection:
        found = [queries.stored_event(connection, event_id) for event_id in named]
    events = [event for event in found if event is not None]
    if events:
        elements.show(_became(events))


def _of_walk(walks: Reconciliation) -> tuple[str, str]:
    if walks.error is not None:
        return f"Stripe's events could not be walked over. {walks.error}", "bad"
    run = walks.runs[0] if walks.runs else None
    if run is None or not run.missing:
        return "Nothing was missing.", "good"
    were = "event was" if run.missing == 1 else "events were"
    return f"{run.missing:,} {were} missing and are stored now.", "good"


def _of_replay(asked: EventCommand) -> tuple[str, str]:
    became = asked.result or ""
    if asked.ended == "done":
        still = "parked" in became or "pending" in became
        return f"Tried again: {became}.", "warn" if still else "good"
    if asked.ended == "interrupted":
        return f"The listener was stopped before all were applied: {became}. Ask again.", "warn"
    return f"This could not be done. {became}", "bad"


def _became(events: list[EventRow]) -> Markup:
    columns = (elements.Column("Event"), elements.Column("Outcome"), elements.Column("Why"))
    rows = [
        (
            elements.lines(elements.code(event.type), elements.quiet(event.event_id)),
            outcome_badge(event.outcome),
            elements.untrusted(event.error),
        )
        for event in events
    ]
    return elements.table(columns, rows, "What became of them")


def _forget() -> None:
    st.query_params.pop(_KEY, None)
