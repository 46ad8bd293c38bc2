"""The `pail` command: its subcommands, and how errors are shown.

Results go to stdout, everything else to stderr. The exit status is 0 for success, 1 for an error
(one sentence), 2 for wrong usage. Administration uses the database directly, whether the server
runs or not. Large modules are imported by the commands that need them, so that others start fast.
"""

import asyncio
import importlib
import io
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from service.up import running
from tracker.errors import TrackerError
from tracker.escaping import escaped
from tracker.settings import SettingsError, load
from tracker.terminal import say

_MODULES = {
    "user": "service.cli.administration",
    "token": "service.cli.administration",
    "workspace": "service.cli.administration",
    "repo": "service.cli.administration",
    "member": "service.cli.administration",
    "import": "service.cli.transfers",
    "import-undo": "service.cli.transfers",
    "export": "service.cli.transfers",
    "check": "service.cli.administration",
}
"""Commands that need the database, and the modules that define them."""


class _Commands(click.Group):
    """Imports a command's module when the command is called or its help is shown."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*super().list_commands(ctx), *_MODULES]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name in _MODULES:
            commands: dict[str, click.Command] = importlib.import_module(_MODULES[name]).COMMANDS
            return commands[name]
        return super().get_command(ctx, name)

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        with _errors_shown():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> object:
        with _errors_shown():
            return super().invoke(ctx)


@contextmanager
def _errors_shown() -> Iterator[None]:
    """On an error, print it to stderr and end the process with its exit status."""
    try:
        yield
    except click.ClickException as error:
        _print_usage_error(error)
        sys.exit(error.exit_code)
    except (TrackerError, SettingsError, OSError) as error:
        say(error, err=True)
        sys.exit(1)
    except asyncio.CancelledError:
        say("Interrupted.", err=True)
        sys.exit(1)


def _print_usage_error(error: click.ClickException) -> None:
    """Print click's message, with control characters of the quoted words escaped."""
    if not isinstance(error, click.exceptions.NoArgsIsHelpError):  # its message is the help
        vars(error)["message"] = escaped(error.message)
    shown = io.StringIO()
    error.show(shown)
    for line in shown.getvalue().removesuffix("\n").expandtabs().split("\n"):
        say(line, err=True)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="pail-tracker", prog_name="pail")
def main() -> None:
    """Pail: an issue tracker that speaks Bitbucket's issue API."""


def _token(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Refuse a token that needs quoting in a shell, a header or a URL."""
    if value is not None and not re.fullmatch(r"[A-Za-z0-9._~-]{8,200}", value):
        raise click.BadParameter("It must be 8 to 200 letters, digits, dots, _, ~ or -.")
    return value


@main.command()
@click.option("--demo", is_flag=True, help="Also create a sample tracker and print its token.")
@click.option(
    "--token",
    callback=_token,
    help="The demo's token: 8 to 200 letters, digits, dots, _, ~ or -. The default is a token that "
    "stays the same for the same data directory.",
)
def up(demo: bool, token: str | None) -> None:
    """Run queue, web and worker on this machine."""
    if token and not demo:
        raise click.UsageError("--token is the demo's: it needs --demo.")
    sys.exit(running.up(load(), demo=demo, token=token))


@main.command()
def web() -> None:
    """Run the web process only."""
    load()
    running.web()


@main.command()
def worker() -> None:
    """Run the worker process only."""
    load()
    running.worker()
