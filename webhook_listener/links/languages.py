"""The languages of the public pages, and which of them a browser asks for."""

from functools import lru_cache
from io import BytesIO
from pathlib import Path

from babel.core import negotiate_locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

SOURCE = "en"
LOCALES = (SOURCE, "de", "fr")
_FOLDER = Path(__file__).parent / "locale"
_LONGEST_HEADER = 500


def negotiate(accept_language: str) -> str:
    """The language of ours that an ``Accept-Language`` header likes best, else English."""
    wishes: list[tuple[float, str]] = []
    for part in accept_language[:_LONGEST_HEADER].split(","):
        tag, _, parameters = part.strip().partition(";")
        quality = _quality(parameters)
        if tag and quality > 0:
            wishes.append((quality, tag.strip()))
    wishes.sort(key=lambda wish: -wish[0])
    try:
        found = negotiate_locale([tag for _, tag in wishes], list(LOCALES), sep="-")
    except ValueError:
        return SOURCE
    return found or SOURCE


def _quality(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0


@lru_cache(maxsize=len(LOCALES))
def translations(locale: str) -> NullTranslations:
    """The catalogue of a language, compiled from its reviewable ``.po`` file on first use."""
    if locale == SOURCE:
        return NullTranslations()
    with catalogue_path(locale).open("rb") as source:
        catalogue = read_po(source, locale=locale)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled)


def catalogue_path(locale: str) -> Path:
    """Where a language's translations are written."""
    return _FOLDER / f"{locale}.po"
