"""The public pages' languages: which one is chosen, and that none lacks a sentence."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

import webhook_listener.links
from billing_core.config import BillingConfig
from billing_core.errors import BillingErrorCode
from billing_core.link_results import News, Result
from billing_core.links import DESTINATIONS
from tests.links.test_results import T0
from webhook_listener.links.languages import LOCALES, SOURCE, catalogue_path, negotiate
from webhook_listener.links.words import Words

PACKAGE = Path(webhook_listener.links.__file__).parent
TRANSLATED = [locale for locale in LOCALES if locale != SOURCE]
METHODS = [("**.py", "python"), ("**/templates/**.html", "jinja2")]


def sentences() -> set[str]:
    """Every English sentence in code and templates."""
    found = extract_from_dir(PACKAGE, method_map=METHODS, keywords={"_": None})
    return {message for _, _, message, *_ in found if isinstance(message, str)}


def catalogue(locale: str) -> dict[str, str]:
    with catalogue_path(locale).open("rb") as source:
        return {str(each.id): str(each.string) for each in read_po(source) if each.id}


def placeholders(text: str) -> Iterator[str]:
    yield from sorted(re.findall(r"%\(\w+\)s", text))


@pytest.mark.parametrize("locale", TRANSLATED)
def test_every_sentence_is_translated_and_no_translation_is_left_over(locale: str) -> None:
    translated = catalogue(locale)
    assert set(translated) == sentences()
    assert [english for english, text in translated.items() if not text] == []


@pytest.mark.parametrize("locale", TRANSLATED)
def test_a_translation_fills_in_what_the_sentence_fills_in(locale: str) -> None:
    for english, text in catalogue(locale).items():
        assert list(placeholders(text)) == list(placeholders(english)), english


@pytest.mark.parametrize(
    ("header", "locale"),
    [
        ("", "en"),
        ("de", "de"),
        ("de-CH, en;q=0.5", "de"),
        ("fr-CA;q=0.3, de;q=0.2", "fr"),
        ("it, fr;q=0.4, en;q=0.3", "fr"),
        ("en-GB,en;q=0.9,de;q=0.8", "en"),
        ("de;q=0", "en"),
        ("de;q=x, fr", "fr"),
        ("*", "en"),
        (",;;q=,=,\x00", "en"),
        ("zz" * 5000, "en"),
    ],
)
def test_the_browsers_wish_decides(header: str, locale: str) -> None:
    assert negotiate(header) == locale


@pytest.mark.parametrize("locale", LOCALES)
def test_nothing_that_can_happen_is_without_words(locale: str) -> None:
    """Each code, result and destination, with its date and plan and without."""
    words = Words(locale, BillingConfig())
    for code in BillingErrorCode:
        assert words.problem(code)
        assert words.refused(code, T0).sentences
    for result in Result:
        assert words.came(News(result, T0)).heading
        assert words.came(News(result, T0, T0, "pro", 5)).heading
    for destination in DESTINATIONS:
        assert words.destination(destination)
        assert words.about(destination)


def test_an_end_that_has_passed_is_not_told_as_one_to_come() -> None:
    words = Words("en", BillingConfig())
    passed, to_come = (datetime(year, 3, 1, tzinfo=UTC) for year in (2020, 2120))
    code = BillingErrorCode.ALREADY_CANCELING
    assert "was to end on 1 March 2020. You can see whether it has" in words.problem(code, passed)
    assert "set to end on 1 March 2120. You can undo that" in words.problem(code, to_come)
