"""Stripe's sessions as this product hands them on: the URL in one place, and hidden everywhere else.

A session's URL is a bearer credential: whoever holds it is the customer. It is given to the person
who asked, once; it is never stored, logged or put in an exception.
"""

from typing import Any, NoReturn


class _Session:
    """A session whose ``repr`` hides the URL, and the id too: Checkout's URL is made of it."""

    __slots__ = ("_session_id", "_url")

    def __init__(self, session_id: str, url: str) -> None:
        object.__setattr__(self, "_session_id", session_id)
        object.__setattr__(self, "_url", url)

    @property
    def session_id(self) -> str:
        """Stripe's id of the session."""
        value: str = object.__getattribute__(self, "_session_id")
        return value

    @property
    def url(self) -> str:
        """Where the customer goes. Hand it on and forget it."""
        value: str = object.__getattribute__(self, "_url")
        return value

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} cannot be changed")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} cannot be changed")

    def __repr__(self) -> str:
        return f"{type(self).__name__}(url=<hidden>)"

    def __reduce_ex__(self, protocol: Any) -> NoReturn:  # noqa: ANN401 - as Python defines it
        raise TypeError(f"{type(self).__name__} holds a bearer URL and is not copied or stored")


class PortalSession(_Session):
    """One visit to Stripe's customer portal. Its URL works for five minutes unless it is used."""

    __slots__ = ()


class CheckoutSession(_Session):
    """One visit to Stripe's Checkout. Its URL works for a day."""

    __slots__ = ()
