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

  // Browsers give the clipboard to https and localhost alone; elsewhere the text is selected.
  const copy = async (button) => {
    const source = document.querySelector(button.dataset.copy);
    if (!source) return;
    try {
      await navigator.clipboard.writeText(source.textContent.trim());
      button.textContent = "Copied";
    } catch {
      window.getSelection().selectAllChildren(source);
      button.textContent = "Selected: press Ctrl+C or Cmd+C";
    }
  };

  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button !== 0) return;
    const link = event.target.closest?.("a[data-in-app]");
    if (link) openInside(link, event);
    const button = event.target.closest?.("button[data-copy]");
    if (button) copy(button);
  });
})();
