// A link of ours opens inside the running page instead of loading everything anew; without this
// script, in a new tab, or with a modifier key it is an ordinary link.
(() => {
  if (window.billingConsoleLinks) return;
  window.billingConsoleLinks = true;
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[data-in-app]");
    if (!link || event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    if (link.origin !== window.location.origin) return;
    event.preventDefault();
    window.history.pushState({}, "", link.href);
    window.dispatchEvent(new PopStateEvent("popstate"));
    document.querySelector("[data-testid='stMain']")?.scrollTo(0, 0);
  });
})();
