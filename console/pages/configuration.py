"""Configuration: what billing.toml says, what Stripe has, and how one is brought to the other."""

import streamlit as st

from billing_core.config import BillingConfig
from billing_core.configuration.comparison import Comparison
from billing_core.permissions import Permission
from billing_core.queries.configuration import configuration_check
from console import (
    access,
    address,
    comparing,
    configuration_file,
    configuration_tables,
    data,
    elements,
)
from console.viewer import viewer

_VIEWS = {"stripe": "File and Stripe", "file": "Plans and policies"}


def page() -> None:
    """The verdict in a sentence, what to run, and both sides; or the rest of the file."""
    access.require(Permission.READ_CONFIGURATION)
    with data.snapshot() as connection:
        kept = configuration_check(connection)
    config, who = data.config(), viewer()
    elements.page_heading("Configuration", "What billing.toml says, and what Stripe has.")
    with st.container(horizontal=True, vertical_alignment="center"):
        view = address.hold("view", options=_VIEWS, default="stripe")
        st.segmented_control(
            "View",
            list(_VIEWS),
            format_func=_VIEWS.__getitem__,
            key="view",
            on_change=address.write,
            args=("view", "stripe"),
            label_visibility="collapsed",
        )
        check = comparing.newest(kept)
        if view == "stripe" and (config.catalog or config.portal):
            comparing.check_button(check)
    if view == "file":
        configuration_file.show_file(config)
        return
    if not (config.catalog or config.portal):
        elements.empty(
            "billing.toml has no [catalog…] and no [portal…] section.",
            "What Stripe's dashboard says holds. With them, prices and portal become reviewable.",
        )
        return
    comparing.verdict(check, who)
    if check is not None and check.comparison is not None:
        _both_sides(config, check.comparison)


def _both_sides(config: BillingConfig, found: Comparison) -> None:
    """The catalogue, then the portal; the other way round where only the portal differs."""
    shown = [_catalog] * bool(config.catalog) + [_portal] * bool(config.portal)
    if found.catalog.in_step and not found.portal.in_step:
        shown.reverse()
    for show in shown:
        show(found)


def _catalog(found: Comparison) -> None:
    elements.section("Catalogue", "Products and their prices, by lookup key")
    elements.show(configuration_tables.catalog_table(found.catalog, viewer()))


def _portal(found: Comparison) -> None:
    elements.section("Customer portal", "The first is what customers meet at Billing home")
    elements.show(configuration_tables.portal_tables(found.portal))
