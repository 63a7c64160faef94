"""Starts everything that the Procfile names, after making what a first start needs.

Settings come from the environment and ``.env``. What neither names is made once and kept under
``var/``: random secrets, one sample sign-in a role, and, without ``STRIPE_API_KEY``, a sandbox that
stands in for Stripe.
"""

import contextlib
import os
import secrets
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

from dotenv import dotenv_values
from honcho.environ import parse_procfile
from honcho.manager import Manager
from honcho.printer import Printer

ROOT = Path(__file__).resolve().parent.parent
VAR = ROOT / "var"
READY_SECONDS = 90
PORTS = {"sandbox": ("SANDBOX_PORT", 12111), "listener": ("LISTENER_PORT", 8000)} | {
    "console": ("CONSOLE_PORT", 8501)
}


class CannotStartError(Exception):
    """Everything cannot start; the message says what to change."""


def main() -> int:
    """Start everything and wait for Ctrl-C. Returns the exit code."""
    os.chdir(ROOT)
    try:
        environment = complete(given_environment())
        processes = chosen_processes(environment)
        ports = {name: port_of(name, environment) for name in processes}
        for name, port in ports.items():
            refuse_taken(name, port)
        sign_ins = sample_sign_ins(environment)
    except CannotStartError as error:
        print(error, file=sys.stderr)  # noqa: T201 - a command speaks to its user
        return 1
    signal.signal(signal.SIGHUP, stop_with_the_terminal)
    manager = Manager(Printer(Output()))
    for name, command in processes.items():
        manager.add_process(name, command, env=environment)
    greeting = threading.Thread(target=greet, args=(ports, sign_ins), daemon=True)
    greeting.start()
    manager.loop()
    return 0 if manager.returncode in (130, 143) else int(manager.returncode or 0)


class Output:
    """Standard output, which a terminal that is gone turns into silence and nothing worse."""

    def write(self, text: str) -> None:
        """Say something, if there is somebody to hear it."""
        with contextlib.suppress(OSError):
            sys.stdout.write(text)
            sys.stdout.flush()

    def flush(self) -> None:
        """Everything has been said already."""

    def isatty(self) -> bool:
        """Whether colours can be shown."""
        return sys.stdout.isatty()


def stop_with_the_terminal(_signal: int, _frame: object) -> None:
    """End as on Ctrl-C, though nothing can be said any more: what was started has no terminal."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        os.dup2(nowhere, stream.fileno())
    signal.raise_signal(signal.SIGTERM)


def given_environment() -> dict[str, str]:
    """The environment over ``.env``; empty values count as not given."""
    from_file = {name: value for name, value in dotenv_values(ROOT / ".env").items() if value}
    return from_file | {name: value for name, value in os.environ.items() if value}


def complete(given: dict[str, str]) -> dict[str, str]:
    """``given`` with what it lacks: secrets made once, and the sandbox unless Stripe is named."""
    listener = f"http://127.0.0.1:{port_of('listener', given)}"
    made = {
        "COMMAND_SECRET": kept_secret("command-secret"),
        "LISTENER_URL": listener,
        "PUBLIC_URL": listener,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{given.get('PATH', '')}",
        "PYTHONUNBUFFERED": "1",
    }
    if "STRIPE_API_KEY" not in given:
        sandbox = f"http://127.0.0.1:{port_of('sandbox', given)}"
        made |= {
            "STRIPE_API_KEY": f"sk_test_{kept_secret('sandbox-key')}",
            "STRIPE_API_BASE": sandbox,
            "APP_URL": sandbox,
            "STRIPE_WEBHOOK_SECRET": f"whsec_{kept_secret('webhook-secret')}",
            "SANDBOX_WEBHOOK_URL": f"{listener}/webhooks/stripe",
            "SANDBOX_STATE": str(VAR / "sandbox.sqlite3"),
        }
    return made | given | {"PATH": made["PATH"]}


def kept_secret(name: str) -> str:
    """A random secret, made on the first start and kept where only the owner reads it."""
    path = VAR / "secrets" / name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_private(path, secrets.token_hex(24))
    return path.read_text(encoding="ascii").strip()


def write_private(path: Path, text: str) -> None:
    """Write a file that nobody else may read."""
    path.touch(mode=stat.S_IRUSR | stat.S_IWUSR)
    path.write_text(text, encoding="utf-8")


def chosen_processes(environment: dict[str, str]) -> dict[str, str]:
    """The Procfile's processes; no sandbox where Stripe itself is used."""
    procfile = parse_procfile((ROOT / "Procfile").read_text(encoding="utf-8"))
    with_sandbox = "STRIPE_API_BASE" in environment
    return {
        name: command
        for name, command in procfile.processes.items()
        if name != "sandbox" or with_sandbox
    }


def port_of(name: str, environment: dict[str, str]) -> int:
    """The port that a process will listen on. Raises CannotStartError."""
    variable, default = PORTS[name]
    value = environment.get(variable, str(default))
    if not value.isdecimal() or not 1 <= int(value) <= 65535:
        raise CannotStartError(f"{variable} is {value!r}, which is not a port. Set a number.")
    return int(value)


def refuse_taken(name: str, port: int) -> None:
    """Raise CannotStartError when something else listens on the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            variable = PORTS[name][0]
            raise CannotStartError(
                f"Port {port}, which the {name} needs, is taken; nothing was started."
                f" Stop what uses it, or choose another: {variable}={port + 100} make run"
            ) from None


def sample_sign_ins(environment: dict[str, str]) -> str:
    """One sign-in a role, made on the first start and kept in ``var/sign-ins.txt``."""
    kept = VAR / "sign-ins.txt"
    users = Path(environment.get("CONSOLE_USERS", str(VAR / "users.yaml")))
    if not users.exists():
        made = subprocess.run(  # noqa: S603 - our own command
            [str(Path(sys.executable).parent / "billing-console"), "users", "sample"],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode != 0:
            raise CannotStartError(made.stderr.strip() or "The sample users could not be made.")
        kept.unlink(missing_ok=True)
        write_private(
            kept, "\n".join(line for line in made.stdout.splitlines() if line.startswith("  "))
        )
    return kept.read_text(encoding="utf-8") if kept.exists() else ""


def greet(ports: dict[str, int], sign_ins: str) -> None:
    """Say where the console is once everything answers."""
    deadline = time.monotonic() + READY_SECONDS
    paths = {"sandbox": "/healthz", "listener": "/readyz", "console": "/_stcore/health"}
    for name, port in ports.items():
        while not answers(f"http://127.0.0.1:{port}{paths[name]}"):
            if time.monotonic() > deadline:
                return
            time.sleep(0.2)
    if "sandbox" in ports:
        await_history(f"http://127.0.0.1:{ports['sandbox']}/_sandbox")
    lines = ["", f"The console is ready: http://127.0.0.1:{ports['console']}"]
    if sign_ins:
        lines += ["Sign in as one of these (also in var/sign-ins.txt):", sign_ins]
    if "sandbox" in ports:
        lines.append(
            "It runs on a sandbox that stands in for Stripe, whose sample history came as"
            " webhooks. Set STRIPE_API_KEY to use Stripe itself."
        )
    lines += ["Ctrl-C stops everything.", ""]
    print("\n".join(lines), flush=True)  # noqa: T201 - a command speaks to its user


def await_history(control: str) -> None:
    """Wait until the sample history has come in, so that its log does not bury the greeting."""
    for step, body in (("seed", b"{}"), ("deliveries/wait", b'{"timeout_seconds": 60}')):
        request = Request(f"{control}/{step}", data=body)  # noqa: S310 - a loopback address
        with contextlib.suppress(OSError), urlopen(request, timeout=READY_SECONDS):  # noqa: S310
            continue


def answers(url: str) -> bool:
    """Whether something there says that it is well."""
    try:
        with urlopen(url, timeout=2) as answer:  # noqa: S310 - a loopback address
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


if __name__ == "__main__":
    sys.exit(main())
