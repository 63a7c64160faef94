"""What was last found when the file was compared with Stripe, and comparing it now, on a click."""

import shlex
from dataclasses import replace

import streamlit as st
from markupsafe import Markup

from billing_core.configuration.comparison import Check, Comparison, compare, fingerprint
from billing_core.errors import BillingError, SettingsError, UnreadableShapeError
from billing_core.settings import ROOT, settings
from console import data, elements
from console.viewer import Viewer, ago

_KEPT = "configuration_check"
_PAUSE_SECONDS = 15


def newest(kept: Check | None) -> Check | None:
    """The listener's last check, or one that was made here since."""
    own: Check | None = st.session_state.get(_KEPT)
    if own is None or (kept is not None and kept.tried_at >= own.tried_at):
        return kept
    return own


def check_button(last: Check | None) -> None:
    """Compare once for a click; a rerun never asks Stripe."""
    if not st.button("Check now", icon=":material/sync:", key="check_now"):
        return
    before = last.comparison if last is not None else None
    try:
        with st.spinner("Comparing with Stripe…"):
            found = _compared()
        if not found.in_step and before is not None and before.differs_since is not None:
            found = replace(found, differs_since=before.differs_since)
        check = Check(found.checked_at, found)
    except (BillingError, SettingsError, UnreadableShapeError) as error:
        check = Check(data.now(), before, str(error))
    st.session_state[_KEPT] = check
    st.rerun()


@st.cache_data(ttl=_PAUSE_SECONDS, max_entries=1, show_spinner=False)
def _compared() -> Comparison:
    """Whoever clicks again, or beside somebody else, within seconds gets the same answer."""
    from billing_core.stripe_gateway.configuration import configuration_gateway

    gateway = configuration_gateway()
    return compare(data.config(), gateway, app_url=settings().app_url, now=data.now())


def verdict(check: Check | None, who: Viewer) -> None:
    """In a sentence: in step or not, since when, and how old that knowledge is."""
    if check is not None and check.failure is not None:
        when = elements.timed(ago(check.tried_at, data.now()), check.tried_at)
        elements.notice(
            Markup("The last check, {}, failed: {}").format(when, check.failure),
            "warn",
        )
    found = check.comparison if check is not None else None
    if found is None:
        if check is None:
            elements.notice(
                "Not compared yet. The listener does it by itself a few times a day, and Check now"
                " does it at once.",
                "info",
            )
        return
    when = elements.timed(ago(found.checked_at, data.now()), found.checked_at)
    if found.file != fingerprint(data.config()):
        elements.notice(
            Markup(
                "billing.toml is another one here than what was compared {}. Restart the listener so"
                " that it reads the new file, or choose Check now."
            ).format(when),
            "warn",
        )
    elif found.in_step:
        elements.notice(
            Markup("Stripe has everything as billing.toml says. Checked {}.").format(when), "good"
        )
    else:
        _difference(found, when, who)


def _difference(found: Comparison, when: Markup, who: Viewer) -> None:
    pending = len(found.catalog.pending) + len(found.portal.pending)
    total = len(found.catalog.items) + len(found.portal.items)
    verb = "differs" if pending == 1 else "differ"
    since = elements.time(found.differs_since, who)
    sentence = Markup("{} of {} {} from what billing.toml says, seen since {}. Checked {}.").format(
        pending, total, verb, since, when
    )
    elements.notice(sentence, "warn")
    for fault in (*found.catalog.faults, *found.portal.faults):
        elements.notice(elements.sentence(fault), "warn")
    if pending:
        elements.section(
            "To bring Stripe there", "It shows every change, and asks before it makes any"
        )
        st.code("\n".join(apply_commands(found)), language="shell", wrap_lines=True)


def apply_commands(found: Comparison) -> list[str]:
    """What to run where the repository is, ready to be copied."""
    chosen = settings()
    given = {}
    if chosen.stripe_api_base:
        # The sandbox takes any key of test mode; a real one is never shown.
        given = {
            "STRIPE_API_BASE": chosen.stripe_api_base,
            "STRIPE_API_KEY": "rk_test_sandbox",
            "APP_URL": chosen.app_url,
        }
    if chosen.billing_config != ROOT / "billing.toml":
        given["BILLING_CONFIG"] = str(chosen.billing_config)
    before = [f"export {name}={shlex.quote(value)}" for name, value in given.items()]
    live = " --live" if chosen.expected_livemode else ""
    # A new price means that the portal, which offers prices by id, has to follow.
    follows = bool(found.catalog.pending) and bool(data.config().portal)
    parts = [("catalog", bool(found.catalog.pending))]
    parts.append(("portal", bool(found.portal.pending) or follows))
    return before + [f".venv/bin/billing-config {part} apply{live}" for part, due in parts if due]
