"""The pages, each with its address and the permission that it takes."""

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from billing_core.permissions import Permission
from console.identity import Principal
from console.pages import (
    audit,
    configuration,
    insights,
    links,
    organization,
    organizations,
    overview,
    users,
    webhooks,
    winding_down,
)

ORGANIZATION = "organization"
USERS = "users"


@dataclass(frozen=True, slots=True)
class Entry:
    """One page; ``listed`` says whether the menu shows it to those who may see it."""

    show: Callable[[], None]
    title: str
    path: str
    icon: str
    permission: Permission
    listed: bool = True


PAGES = (
    Entry(overview.page, "Overview", "", "home", Permission.READ_ORGANIZATIONS),
    Entry(
        organizations.page,
        "Organizations",
        "organizations",
        "apartment",
        Permission.READ_ORGANIZATIONS,
    ),
    Entry(
        organization.page,
        "Organization",
        ORGANIZATION,
        "business",
        Permission.READ_ORGANIZATIONS,
        listed=False,
    ),
    Entry(
        winding_down.page,
        "Winding down",
        "winding-down",
        "event_busy",
        Permission.READ_WINDING_DOWN,
    ),
    Entry(webhooks.page, "Webhooks", "webhooks", "webhook", Permission.READ_WEBHOOKS),
    Entry(
        insights.page, "Portal insights", "portal-insights", "insights", Permission.READ_INSIGHTS
    ),
    Entry(links.page, "Support links", "links", "link", Permission.READ_LINKS),
    Entry(
        configuration.page,
        "Configuration",
        "configuration",
        "tune",
        Permission.READ_CONFIGURATION,
    ),
    Entry(audit.page, "Audit log", "audit", "policy", Permission.READ_AUDIT),
    Entry(users.page, "Users", USERS, "manage_accounts", Permission.MANAGE_USERS),
)


def pages_for(principal: Principal | None) -> list[StreamlitPage]:
    """Every page by its own address; the menu lists those that the roles may see.

    A page that they may not see refuses by itself.
    """
    return [
        st.Page(
            entry.show,
            title=entry.title,
            icon=f":material/{entry.icon}:",
            url_path=entry.path or None,
            default=not entry.path,
            visibility="visible" if _listed(entry, principal) else "hidden",
        )
        for entry in PAGES
    ]


def _listed(entry: Entry, principal: Principal | None) -> bool:
    return entry.listed and principal is not None and principal.may(entry.permission)
