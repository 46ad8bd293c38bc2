"""The `pail` command: makes sure that Pail's own packages are imported, and calls service.cli.

`pail_main.py -m NAME` runs one of Pail's modules as `python -m NAME` does. `pail up` starts its
children so, and the renderer its child.

`service`, `tracker` and `worker` are common names: a package on PYTHONPATH or in the working folder
may have them, too. Here a finder in sys.meta_path, asked before sys.path, finds the three beside
this file. sys.path stays as it is: with this folder at its front, all that is installed beside Pail
would come before the standard library, an old backport named like one of its modules, too.
Submodules are found by their package's __path__ and resources by its __spec__, so
importlib.resources and runpy see the same packages.
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
    """Run the `pail` command with the words of sys.argv; ends the process with its status."""
    sys.meta_path.insert(0, _OwnPackages)
    from service.cli.commands import main as command

    command(prog_name="pail")


def run_module(name: str) -> None:
    """Run the module (a package's __main__) as the program; sys.argv[1:] are its words."""
    import runpy

    sys.meta_path.insert(0, _OwnPackages)
    runpy.run_module(name, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["-m"]:
        del sys.argv[1]
        run_module(sys.argv.pop(1))
    else:
        main()
