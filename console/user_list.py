"""The list of those who may sign in: a line each, leading to what can be done."""

from collections.abc import Iterable

from markupsafe import Markup

from console import elements, labels
from console.elements import Column
from console.people import Person
from console.settings import console_settings
from console.viewer import Viewer

_COLUMNS = (Column("User"), Column("Roles"), Column("State"), Column("Last sign-in"))


def user_table(people: Iterable[Person], who: Viewer) -> Markup:
    """The people as a table."""
    return elements.table(_COLUMNS, [_row(each, who) for each in people], "Users")


def _row(person: Person, who: Viewer) -> tuple[elements.Text, ...]:
    known_as = dict.fromkeys(each for each in (person.username, person.email) if each)
    return (
        elements.lines(
            elements.link(elements.untrusted(person.name), "/users", user=person.username),
            elements.quiet(Markup(" · ").join(elements.untrusted(each) for each in known_as)),
        ),
        roles_text(person),
        state_badge(person),
        last_sign_in(person, who),
    )


def roles_text(person: Person) -> Markup:
    """The roles in words, and which of them the provider's groups gave."""
    told = person.provider_roles - person.roles
    return elements.lines(
        labels.role_names(person.roles) if person.roles or not told else None,
        elements.quiet(f"{labels.role_names(told)}, from {provider_name()}") if told else None,
    )


def state_badge(person: Person) -> Markup:
    """Whether they can sign in, in a word."""
    if person.disabled:
        return elements.badge("Disabled", "bad")
    if person.one_time_until is not None:
        return elements.badge("One-time password", "warn")
    return elements.badge("Enabled", "good")


def last_sign_in(person: Person, who: Viewer) -> Markup:
    """When they last signed in, if that is known."""
    if person.last_sign_in is None:
        return elements.quiet("Not yet")
    return elements.time(person.last_sign_in, who)


def provider_name() -> str:
    """The sign-in provider as staff know it."""
    provider = console_settings().oidc()
    return provider.name if provider is not None else "single sign-on"
