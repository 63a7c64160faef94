"""A browser without scripts: it finds buttons and links by the names that people read."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin

from tests.support import patient


@dataclass
class Form:
    """A form with its fields' values and its buttons' own ones."""

    method: str
    action: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: dict[str, dict[str, str]] = field(default_factory=dict)


class _Reader(HTMLParser):
    """Collects forms, links and radio buttons with their labels."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: dict[str, str] = {}
        self.radios: dict[str, tuple[str, str]] = {}
        self._inside: list[tuple[str, dict[str, str | None]]] = []
        self._text = ""
        self._radio: tuple[str, str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "form":
            self.forms.append(Form(values.get("method") or "get", values.get("action") or ""))
        elif tag in {"a", "button", "label"}:
            self._inside.append((tag, values))
            self._text = ""
        elif tag == "textarea":
            self.forms[-1].fields[values["name"] or ""] = ""
        elif tag == "input":
            self._input(values)

    def _input(self, values: dict[str, str | None]) -> None:
        name, value = values["name"] or "", values.get("value") or ""
        if values.get("type") == "radio":
            self._radio = (name, value)
            if "checked" not in values:
                return
        self.forms[-1].fields[name] = value

    def handle_data(self, data: str) -> None:
        self._text += data

    def handle_endtag(self, tag: str) -> None:
        if not self._inside or self._inside[-1][0] != tag:
            return
        _, values = self._inside.pop()
        text = " ".join(self._text.replace("←", "").split())
        if tag == "a":
            self.links[text] = values.get("href") or ""
        elif tag == "button":
            own = {values["name"] or "": values.get("value") or ""} if "name" in values else {}
            self.forms[-1].buttons[text] = own
        elif self._radio is not None:
            self.radios[text] = self._radio
            self._radio = None


class Browser:
    """One customer's browser; `page` is what it shows."""

    def __init__(self) -> None:
        self._client = patient.Client(follow_redirects=False, trust_env=False)
        self.page = ""
        self.address = ""
        self.status = 0

    def open(self, url: str) -> Browser:
        """Go to an address, following redirects within the site."""
        return self._go("GET", url, {})

    def has_button(self, name: str) -> bool:
        return any(name in form.buttons for form in self._read().forms)

    def has_link(self, name: str) -> bool:
        return name in self._read().links

    def link(self, name: str) -> str:
        """Where a link leads."""
        return self._read().links[name]

    def choices(self) -> list[str]:
        """The radio buttons by their labels."""
        return list(self._read().radios)

    def press(self, button: str, choose: str | None = None, **typed: str) -> Browser:
        """Fill in the form that has the button, and press it."""
        reader = self._read()
        [form] = [each for each in reader.forms if button in each.buttons]
        fields = {**form.fields, **typed, **form.buttons[button]}
        if choose is not None:
            name, value = reader.radios[choose]
            fields[name] = value
        return self._go(form.method.upper(), urljoin(self.address, form.action), fields)

    def _read(self) -> _Reader:
        reader = _Reader()
        reader.feed(self.page)
        return reader

    def _go(self, method: str, url: str, fields: dict[str, str]) -> Browser:
        if method == "GET":
            response = self._client.get(url, params=fields or None)
        else:
            response = self._client.post(url, data=fields)
        self.address = str(response.url)
        self.status = response.status_code
        self.page = response.text
        while response.is_redirect:
            self.address = urljoin(self.address, response.headers["Location"])
            if "127.0.0.1" not in self.address:
                self.page = ""
                break
            response = self._client.get(self.address)
            self.status, self.page = response.status_code, response.text
        return self
