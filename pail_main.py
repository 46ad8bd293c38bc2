"""The `pail` command: makes sure that Pail's own packages are imported, and calls service.cli.

`pail_main.py -m NAME` runs one of Pail's modules as `python -m NAME` does. `pail up`, `pail web`,
`pail worker` and the renderer start their processes this way.

Another package on PYTHONPATH or in the working folder can be called `service`, `tracker` or
`worker`. So a finder at the front of sys.meta_path, which Python asks before sys.path, finds these
three in the folder of this file. sys.path is not changed: with this folder at its front, packages
installed beside Pail would come before the standard library, for example an old backport of
typing. Submodules are found by the __path__ of their package and resources by its __spec__, so
runpy and importlib.resources use the same packages.
"""

import os
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

FOLDER = os.path.dirname(os.path.abspath(__file__))
PACKAGES = ("service", "tracker", "worker")


class _OwnPackages:
    """Finds Pail's packages in FOLDER and nothing else."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return PathFinder.find_spec(name, [FOLDER], target) if name in PACKAGES else None


def main() -> None:
    """Run the `pail` command with the arguments in sys.argv. Exits with its status."""
    sys.meta_path.insert(0, _OwnPackages)
    from service.cli.commands import main as command

    command(prog_name="pail")


def run_module(name: str) -> None:
    """Run a module, or a package's __main__, as __main__. sys.argv[1:] are its arguments."""
    import runpy

    sys.meta_path.insert(0, _OwnPackages)
    runpy.run_module(name, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["-m"]:
        del sys.argv[1]
        run_module(sys.argv.pop(1))
    else:
        main()
