"""The rules that hold everywhere, checked where they can be seen: in the source."""

import ast
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TypeGuard

import pytest

from service.app import build_app
from tracker import fields, settings
from tracker.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("tracker", "service", "worker")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))

DRIVERS = {"sqlite3", "aiosqlite", "asyncpg", "psycopg"}

DIALECTS = ("service.api_v1", "service.api_v2")
FACES = (*DIALECTS, "service.openapi", "service.pages", "service.cli", "service.up")

FORBIDDEN = {
    "tracker": ("service", "worker", "aiohttp", "arq", "redis", "jinja2"),
    "service": ("worker",),
    "worker": ("service",),
    "service.http": FACES,
    "service.openapi": DIALECTS,
    "service.api_v1": ("service.api_v2", "service.pages", "service.cli", "service.up"),
    "service.api_v2": ("service.api_v1", "service.pages", "service.cli", "service.up"),
    "service.pages": DIALECTS,
    "tracker.archive": ("tracker.database", "tracker.access", "tracker.transfers", "tracker.work"),
    "tracker.markup": ("tracker.database", "tracker.access", "tracker.transfers", "tracker.work"),
    "tracker.database": ("tracker.access", "tracker.query", "tracker.transfers", "tracker.work"),
}
"""What the modules of a package do not import."""


def _module(path: Path) -> str:
    """The name of a source's module."""
    place = path.relative_to(ROOT).with_suffix("")
    return ".".join(place.parts).removesuffix(".__init__")


MODULES = {_module(path): path for path in SOURCES}


def _imports(path: Path) -> Iterator[str]:
    """What a source imports, wherever in it: modules, and what may be a name in a module."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield from (f"{node.module}.{name.name}" for name in node.names)


def _is_in(name: str, package: str) -> bool:
    return f"{name}.".startswith(f"{package}.")


@pytest.mark.parametrize("module", MODULES)
def test_arrows_point_to_the_core(module: str) -> None:
    imported = list(_imports(MODULES[module]))
    for package, others in FORBIDDEN.items():
        if _is_in(module, package):
            found = [name for name in imported for other in others if _is_in(name, other)]
            assert not found, f"{module} imports {found}"
    if not _is_in(module, "tracker.database"):
        assert not {name.partition(".")[0] for name in imported} & DRIVERS


def _uses() -> dict[str, set[str]]:
    """The modules of ours that each module imports, for types alone and in functions, too."""
    found: dict[str, set[str]] = {}
    for module, path in MODULES.items():
        names = (name if name in MODULES else name.rpartition(".")[0] for name in _imports(path))
        found[module] = {name for name in names if name in MODULES and name != module}
    return found


def circle(uses: Mapping[str, Collection[str]]) -> list[str]:
    """The modules of one circle, the first one again at its end; empty when there is none."""
    done: set[str] = set()

    def walk(module: str, way: list[str]) -> list[str]:
        if module in way:
            return [*way[way.index(module) :], module]
        if module in done:
            return []
        for used in sorted(uses.get(module, ())):
            if found := walk(used, [*way, module]):
                return found
        done.add(module)
        return []

    return next((found for module in sorted(uses) if (found := walk(module, []))), [])


def test_no_module_imports_itself_by_way_of_others() -> None:
    assert circle({"a": ["b"], "b": ["c"], "c": ["b"]}) == ["b", "c", "b"]
    assert circle(_uses()) == []


def test_shared_code_compares_no_dialects() -> None:
    """Where dialects differ, the difference is a member of Dialect."""
    for module, path in MODULES.items():
        if not any(_is_in(module, dialect) for dialect in DIALECTS) and module != "service.app":
            tree = ast.walk(ast.parse(path.read_text("utf-8")))
            names = {node.id for node in tree if isinstance(node, ast.Name)}
            assert not names & {"V1", "V2"}, module


_ENGINE = re.compile(
    r"\bPRAGMA\b|\bjson_(each|group|extract|array)|\binstr\(|\browid\b|\bstrftime\(|\bsqlite_"
    r"|\bGLOB\b|\bAUTOINCREMENT\b|\bWITHOUT ROWID\b|\bifnull\(|\btypeof\(|INSERT OR|\bfold\("
)
_LARGER = re.compile(r"\b(?:max|min)\(([^()]|\(([^()]|\([^()]*\))*\))*,", re.IGNORECASE)
_SQL = re.compile(r"\b(SELECT|INSERT|UPDATE|DELETE|SET|WHERE|VALUES)\b")


def engine_words(source: str) -> list[str]:
    """What only SQLite understands, in the SQL of a source: texts, but no docstrings."""
    tree = ast.parse(source)
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    texts = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in docstrings
    ]
    found = [word[0] for text in texts for word in _ENGINE.finditer(text)]
    found += [word[0] for text in texts if _SQL.search(text) for word in _LARGER.finditer(text)]
    return found


@pytest.mark.parametrize("module", MODULES)
def test_only_the_database_speaks_the_words_of_an_engine(module: str) -> None:
    if not _is_in(module, "tracker.database"):
        assert engine_words(MODULES[module].read_text("utf-8")) == []


@pytest.mark.parametrize(
    "sql",
    [
        "PRAGMA user_version",
        "SELECT value FROM json_each(:names)",
        "SELECT 1 WHERE instr(a, b) > 0",
        "UPDATE issue SET updated_on = max(updated_on, :now)",
        "SELECT max((SELECT max(id) FROM x), 1)",
        "DELETE FROM x WHERE rowid = 1",
    ],
)
def test_a_word_of_an_engine_is_found(sql: str) -> None:
    assert engine_words(f"x = {sql!r}")
    assert not engine_words("x = 'SELECT max(id), min(id) FROM x WHERE a > max(b)'")


def test_folders_are_made_in_one_place() -> None:
    made = {
        str(path.relative_to(ROOT))
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in ("mkdir", "makedirs")
    }
    assert made == {"tracker/files.py"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_everything_public_says_what_it_is_for(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    assert not tree.body or ast.get_docstring(tree), f"{path} has no docstring"
    for name, node in _public(tree.body):
        assert ast.get_docstring(node), f"{path}: {name} has no docstring"


Documented = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def _public(body: list[ast.stmt], base: str = "") -> Iterator[tuple[str, Documented]]:
    """Public classes and functions, and the methods of public classes that override nothing."""
    for node in body:
        if not isinstance(node, Documented) or node.name.startswith("_") or _is_overload(node):
            continue
        yield f"{base}{node.name}", node
        if isinstance(node, ast.ClassDef) and not node.bases:
            yield from _public(node.body, f"{node.name}.")


def _is_overload(node: Documented) -> bool:
    """Whether it is one of several signatures, whose function says what it is for."""
    return any(isinstance(each, ast.Name) and each.id == "overload" for each in node.decorator_list)


def test_no_workspace_can_have_the_name_of_a_route(tmp_path: Path) -> None:
    app = build_app(Settings(data_dir=tmp_path, database=tmp_path / "pail.db"))
    first = {resource.canonical.split("/")[1] for resource in app.router.resources()}
    assert first - {"", "{workspace}"} <= fields.RESERVED_SLUGS


def test_readme_documents_every_setting_and_no_other() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    section = readme.partition("\n## Settings\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| ([^|]+) \|", section, re.MULTILINE)
    documented = {name for row in rows for name in re.findall(r"`([A-Z_]+)`", row)}
    assert documented == set(settings.NAMES)


def variables(source: str) -> set[str]:
    """The names of variables that calls in a source begin with."""
    first = (call.args[0] for call in ast.walk(ast.parse(source)) if _has_arguments(call))
    return {
        value.value
        for value in first
        if isinstance(value, ast.Constant)
        and isinstance(value.value, str)
        and re.fullmatch("[A-Z_]+", value.value)
    }


def _has_arguments(node: ast.AST) -> TypeGuard[ast.Call]:
    return isinstance(node, ast.Call) and bool(node.args)


def test_what_is_read_from_the_environment_is_what_is_listed() -> None:
    assert variables('a: int = _size("PAIL_A", 1)\nenv.str("PAIL_B")') == {"PAIL_A", "PAIL_B"}
    source = (ROOT / "tracker" / "settings.py").read_text("utf-8")
    assert variables(source) == set(settings.NAMES)
    assert len(settings.NAMES) == len(set(settings.NAMES))


def test_the_environment_is_read_in_one_place() -> None:
    reading = {module for module, path in MODULES.items() if _reads_environment(path)}
    assert reading == {"tracker.settings"}


def _reads_environment(path: Path) -> bool:
    """Whether a module uses environs or asks os for a variable; to hand all of them on is fine."""
    source = path.read_text("utf-8")
    return any(_is_in(name, "environs") for name in _imports(path)) or bool(
        re.search(r"\bgetenv\b|\benviron(\[|\.)", source)
    )


_ELSEWHERE = re.compile(
    r"\b(reference|DECISIONS?|SECURITY|DESIGN|STYLE|SPEED)\s+[0-9]"
    r"|\b[Tt]he plan\b"
    r"|\((?!2\.0\))[2-8]\.[0-9]{1,2}(\.[0-9]+)?(,[^)]*)?\)[^:]*?[.\n]"
)
"""A number of a paragraph, in some text that is not part of Pail."""

TEXTS = sorted(
    path
    for pattern in ("*.md", "*.sql", "*.toml", "Makefile", "docs/*.md", "*/**/*.py", "*/**/*.html")
    for path in ROOT.glob(pattern)
    if ".venv" not in path.parts
)


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_facts_are_said_in_place_and_not_by_numbers_of_other_texts(path: Path) -> None:
    found = _ELSEWHERE.search(path.read_text("utf-8"))
    assert found is None, f"{path} points to {found and found[0]!r}"
