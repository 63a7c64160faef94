// A link of ours opens inside the running page instead of loading everything anew; without this
// script, in a new tab, or with a modifier key it is an ordinary link.
(() => {
  if (window.billingConsole) return;
  window.billingConsole = true;

  const openInside = (link, event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    if (link.origin !== window.location.origin) return;
    event.preventDefault();
    window.history.pushState({}, "", link.href);
    window.dispatchEvent(new PopStateEvent("popstate"));
    if (link.dataset.inApp === "over") return;
    document.querySelector("[data-testid='stMain']")?.scrollTo(0, 0);
  };

  // The text that only a button carries, put beside it in case that it has to be selected.
  const shownText = (button) => {
    if (button.dataset.copyText === undefined) return null;
    const shown = button.parentElement.querySelector("pre") ?? document.createElement("pre");
    shown.textContent = button.dataset.copyText;
    shown.hidden = true;
    button.after(shown);
    return shown;
  };

  // Said beside what Streamlit draws, which may be drawn anew at any moment.
  let unsay;
  const say = (sentence) => {
    const said = document.querySelector(".bc-said") ?? document.createElement("div");
    said.className = "bc-said";
    said.role = "status";
    document.querySelector(".stApp").append(said);
    said.textContent = sentence;
    clearTimeout(unsay);
    unsay = setTimeout(() => said.remove(), 5000);
  };

  // Streamlit loads what draws a piece of code when it is first needed: the button may be quicker.
  const drawn = async (selector) => {
    for (let tries = 0; tries < 60; tries++) {
      const found = document.querySelector(selector);
      if (found?.textContent.trim()) return found;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return null;
  };

  // Browsers give the clipboard to https and localhost alone; elsewhere the text is selected.
  const copy = async (button) => {
    const source = shownText(button) ?? (await drawn(button.dataset.copy));
    if (!source) {
      say("Nothing was copied: it is not shown yet. Try again.");
      return;
    }
    try {
      await navigator.clipboard.writeText(button.dataset.copyText ?? source.textContent.trim());
      button.textContent = "Copied";
      say("Copied to the clipboard.");
    } catch {
      source.hidden = false;
      window.getSelection().selectAllChildren(source);
      button.textContent = "Selected: press Ctrl+C or Cmd+C";
      say("The text is selected: press Ctrl+C or Cmd+C.");
    }
  };

  // A row opens by a click anywhere on it; whoever selects text in it means the text.
  const linkOfRow = (target) => {
    if (target.closest("a, button, summary, input") || window.getSelection().toString()) return;
    return target.closest(".bc-opens tbody tr")?.querySelector("a[data-in-app]");
  };

  // Whoever turns a page reads it from its beginning.
  const showListBefore = (pager) => {
    const before = (each) => each.compareDocumentPosition(pager) & Node.DOCUMENT_POSITION_FOLLOWING;
    [...document.querySelectorAll(".bc-table")].filter(before).at(-1)?.scrollIntoView();
  };

  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button !== 0) return;
    const link = event.target.closest?.("a[data-in-app]") ?? linkOfRow(event.target);
    if (link) openInside(link, event);
    const button = event.target.closest?.("button[data-copy], button[data-copy-text]");
    if (button) copy(button);
    const pager = event.target.closest?.(".st-key-next_page, .st-key-first_page");
    if (pager) showListBefore(pager);
  });

  const visible = (selector) =>
    [...document.querySelectorAll(selector)].find((each) => each.offsetParent);

  const isTyping = (target) => target.closest?.("input, textarea, select, [contenteditable]");

  // "/" leads to the search, the arrows from there into the list and through it.
  const step = (event, by) => {
    const rows = [...document.querySelectorAll(".bc-opens tbody a[data-in-app]")];
    const at = rows.indexOf(document.activeElement);
    if (at < 0 && !(by > 0 && event.target.closest?.(".st-key-q"))) return;
    const next = at + by < 0 ? visible(".st-key-q input") : rows[at + by];
    if (!next) return;
    event.preventDefault();
    next.focus();
  };

  document.addEventListener("keydown", (event) => {
    if (event.metaKey || event.ctrlKey || event.altKey) return;
    if (event.key === "/" && !isTyping(event.target)) {
      const field = visible(".st-key-q input") ?? visible(".st-key-find input");
      if (!field) return;
      event.preventDefault();
      field.focus();
    }
    if (event.key === "ArrowDown") step(event, 1);
    if (event.key === "ArrowUp") step(event, -1);
  });
})();
