"""Pages run by Streamlit's own test runner, on a real database, as somebody with a role."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from markupsafe import Markup
from streamlit.testing.v1 import AppTest

from billing_core.config import BillingConfig, load_config
from billing_core.database import Reader
from billing_core.settings import ROOT
from console import access, commands, data, identity
from console.identity import Principal


def principal(*roles: str) -> Principal:
    return Principal("jane", "Jane Doe", "jane@example.com", frozenset(roles))


def visible(at: AppTest) -> str:
    """What a person reads: the page's own HTML as text, and the labels of what can be used."""
    html = [element.proto.body for element in at.get("html")]
    spoken = [str(Markup(body).striptags()) for body in html if "<style" not in body]
    labels = [button.label for button in at.button]
    return "\n".join([*spoken, *labels])


def markdown_read(at: AppTest) -> str:
    """Whatever Streamlit would read as Markdown: every label, option, caption and message."""
    elements = [element for element in at.main if element.type != "html"]
    return "\n".join(str(getattr(element, "proto", "")) for element in elements)


@dataclass
class Desk:
    """A console on one database, at which different people sit."""

    monkeypatch: pytest.MonkeyPatch
    reader: Reader

    def sit(self, *roles: str) -> None:
        """Somebody with these roles is signed in from now on; without a role, nobody."""
        who = principal(*roles) if roles else None
        self.monkeypatch.setattr(identity, "current", lambda: who)

    def open(self, script: Callable[[], None], **query: str) -> AppTest:
        """Run a page with a query in its address."""
        at = AppTest.from_function(script, default_timeout=60)
        for name, value in query.items():
            at.query_params[name] = value
        return at.run()


def config() -> BillingConfig:
    return load_config(ROOT / "billing.toml")


def desk(monkeypatch: pytest.MonkeyPatch, reader: Reader) -> Desk:
    """A console whose database is ``reader`` and whose listener is well."""
    monkeypatch.setattr(data, "_reader", lambda: reader)
    monkeypatch.setattr(commands, "listener_answers", lambda: True)
    monkeypatch.setattr(access, "_here", lambda: "/organization?org=org_acme")
    return Desk(monkeypatch, reader)
