"""Takes the README's screenshots of a console that ``make run`` has started on the sandbox."""

import os
import re
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from scripts.run import ROOT, VAR

FOLDER = ROOT / "docs" / "screenshots"
PAGES = {
    "overview": ("support", "/"),
    "organizations": ("support", "/organizations"),
    "organization": ("support", "/organization?org=org_acme"),
    "winding-down": ("finance", "/winding-down"),
    "portal-insights": ("support", "/portal-insights"),
    "webhooks": ("ops", "/webhooks"),
    "support-links": ("support", "/links"),
    "configuration": ("ops", "/configuration"),
    "audit-log": ("admin", "/audit"),
    "users": ("admin", "/users"),
}
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]


def main() -> None:
    """Photograph the sign-in and each page at 1440 pixels, and the organization at 390, dark."""
    console = f"http://127.0.0.1:{os.environ.get('CONSOLE_PORT', '8501')}"
    FOLDER.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=ARGUMENTS
        )
        photograph(browser, console, "sign-in", None, "/signin")
        for name, (user, path) in PAGES.items():
            photograph(browser, console, name, user, path)
        user, path = PAGES["organization"]
        photograph(browser, console, "organization-phone-dark", user, path, width=390, dark=True)
        browser.close()


def photograph(
    browser: Browser,
    console: str,
    name: str,
    user: str | None,
    path: str,
    *,
    width: int = 1440,
    dark: bool = False,
) -> None:
    """One page as this user sees it."""
    page = browser.new_page(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if dark else "light",
        locale="en-GB",
    )
    page.goto(console + path)
    if user is not None:
        page.get_by_label("Username").fill(user)
        page.get_by_label("Password", exact=True).fill(password_of(user))
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_selector("[data-test-script-state='notRunning']")
        page.wait_for_timeout(1500)
    page.screenshot(path=FOLDER / f"{name}.png")
    page.close()


def password_of(user: str) -> str:
    """The sample user's password, as ``make run`` kept it."""
    kept = Path(VAR / "sign-ins.txt").read_text(encoding="utf-8")
    found = re.search(rf"^\s*{user}\s+(\S+)", kept, re.MULTILINE)
    if found is None:
        sys.exit("var/sign-ins.txt has no such user: start everything with `make run` first.")
    return found.group(1)


if __name__ == "__main__":
    main()
