"""The import rules bite: each one is broken once in a copy of the code."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from billing_core.settings import ROOT

PACKAGES = ("billing_core", "console", "webhook_listener", "sandbox", "scripts")


@pytest.fixture(scope="module")
def copy_of_the_code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages and their rules, apart from the checkout."""
    folder = tmp_path_factory.mktemp("copy")
    for package in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__", "*.sqlite3")
        shutil.copytree(ROOT / package, folder / package, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    command = Path(sys.executable).with_name("lint-imports")
    return subprocess.run(
        [str(command), "--no-cache"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_code_keeps_every_rule(copy_of_the_code: Path) -> None:
    assert lint(copy_of_the_code).returncode == 0


@pytest.mark.parametrize(
    ("module", "line", "rule"),
    [
        ("console/labels.py", "import webhook_listener.audit", "never import each other"),
        ("webhook_listener/audit.py", "import console.labels", "never import each other"),
        ("billing_core/urls.py", "import streamlit", "The core stands alone"),
        ("billing_core/urls.py", "import starlette", "The core stands alone"),
        ("webhook_listener/audit.py", "import stripe", "imports stripe"),
        ("billing_core/portal.py", "import stripe", "imports stripe"),
        ("billing_core/ordering.py", "import sqlalchemy", "The pure rules"),
        ("billing_core/entitlement.py", "import time", "The pure rules"),
        ("console/labels.py", "import sandbox.clock", "Nothing imports the sandbox"),
    ],
)
def test_breaking_a_rule_is_noticed(
    copy_of_the_code: Path, module: str, line: str, rule: str
) -> None:
    path = copy_of_the_code / module
    kept = path.read_text(encoding="utf-8")
    path.write_text(f"{kept}\n{line}  # noqa\n", encoding="utf-8")
    try:
        found = lint(copy_of_the_code)
    finally:
        path.write_text(kept, encoding="utf-8")
    assert found.returncode != 0
    broken = [told for told in found.stdout.splitlines() if "BROKEN" in told]
    assert any(rule in told for told in broken), found.stdout
