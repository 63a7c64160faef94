"""What fits the present state, each step with the destination that it leads to."""

import streamlit as st

from billing_core.next_steps import NextStep, next_steps
from billing_core.rows import OrganizationView
from console import data, elements, mint_panel
from console.viewer import Viewer


def what_next(view: OrganizationView, who: Viewer, *, may_mint: bool) -> None:
    """One or two steps; a button chooses the step's destination below."""
    steps = next_steps(view, now=data.now(), day=who.day)
    elements.section("What next")
    if not steps:
        elements.show(elements.quiet("Nothing needs to be done."))
    for number, step in enumerate(steps):
        _step(view.org_id, number, step, may_mint=may_mint)


def _step(org_id: str, number: int, step: NextStep, *, may_mint: bool) -> None:
    if step.destination is None or not may_mint:
        asked = f" Support sends them to {step.destination}." if step.destination else ""
        elements.show(elements.sentence(step.sentence + asked))
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            f"Choose {step.destination}",
            key=f"next_step_{number}",
            on_click=mint_panel.preselect,
            args=(org_id, step.destination),
            icon=":material/arrow_forward:",
            type="primary" if number == 0 else "secondary",
        )
        elements.show(elements.sentence(step.sentence))
