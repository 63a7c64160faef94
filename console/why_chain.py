"""Why an organization has access or none: the verdict, and the chain that leads to it."""

from markupsafe import Markup

from billing_core.rows import OrganizationView
from billing_core.sentences import Words, why
from billing_core.sentences.chain import Step, chain
from console import data, elements
from console.viewer import Viewer


def why_chain(view: OrganizationView, who: Viewer) -> None:
    """One sentence, the steps from Stripe's last word to the row, and their details folded."""
    words = Words(data.config(), day=who.day, locale=who.locale)
    steps = chain(view, words)
    elements.section("Why")
    elements.show(
        Markup('<p class="bc-why">{}</p>').format(elements.sentence(why(view, words))),
        Markup('<ol class="bc-chain">{}</ol>').format(
            elements.NOTHING.join(_step(step, who) for step in steps)
        ),
        _details(steps),
    )


def _step(step: Step, who: Viewer) -> Markup:
    because = elements.sentence(step.because) if step.because else None
    when = elements.time(step.at, who) if step.at is not None else None
    return Markup(
        '<li class="bc-step bc-{}"><span class="bc-quiet">{}</span><b>{}</b>{}</li>'
    ).format(
        step.tone,
        step.title,
        elements.sentence(step.value),
        elements.NOTHING.join(
            Markup('<span class="bc-quiet">{}</span>').format(part)
            for part in (because, when)
            if part is not None
        ),
    )


def _details(steps: tuple[Step, ...]) -> Markup:
    pairs = [(step.title, elements.sentence(step.detail)) for step in steps if step.detail]
    return elements.folded("Details", elements.facts(pairs)) if pairs else elements.NOTHING
