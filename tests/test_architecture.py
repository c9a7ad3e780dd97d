"""The one-way rules of the house, read from the imports themselves."""

from __future__ import annotations

import ast
import re
import tomllib
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Where a library may be imported; anywhere below a folder that ends in /.
ONLY_IN = {
    "streamlit": (
        "app",
        "server",
        "protection",
        "kept_theme",
        "phone",
        "context",
        "access",
        "components/",
        "screens/",
    ),
    "sqlalchemy": ("store", "schema", "rows", "migrations/"),
    "alembic": ("store", "migrations/"),
}
FORBIDDEN_IN_ANALYSIS = {"streamlit", "sqlalchemy", "alembic", "starlette", "survey_app", "typer", "rich"}
# What a respondent's phone has to wait for must not pull statistics or charts in.
HEAVY = {"scipy", "statsmodels", "pingouin", "altair", "sklearn", "seaborn", "matplotlib"}
BANNED_NAMES = re.compile(r"(^|_)(utils?|helpers?|common|core|manager)($|_)")
BANNED_VERBS = re.compile(r"^_*(get|process|handle|do|run)_")
NAMED_BY_OTHERS = {"process_bind_param", "process_result_value"}


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(path: Path, *, at_top: bool = False) -> set[str]:
    """The dotted names a file imports; with `at_top` only those that importing the file itself needs."""
    nodes: list[ast.AST] = [tree(path)]
    names: set[str] = set()
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
        late = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or (
            isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        )
        if not (at_top and late):
            nodes += ast.iter_child_nodes(node)
    return names


def libraries(path: Path) -> set[str]:
    return {name.partition(".")[0] for name in imported(path)}


@pytest.mark.parametrize("path", modules("analysis"), ids=lambda path: path.stem)
def test_analysis_knows_nothing_of_people_and_places(path: Path) -> None:
    assert not libraries(path) & FORBIDDEN_IN_ANALYSIS


@pytest.mark.parametrize("library", ONLY_IN)
def test_each_library_has_its_rooms(library: str) -> None:
    app = ROOT / "survey_app"
    allowed = ONLY_IN[library]
    for path in modules("survey_app"):
        place = path.relative_to(app).with_suffix("").as_posix()
        if library in libraries(path):
            assert place in allowed or place.startswith(tuple(a for a in allowed if a.endswith("/"))), place


def test_screens_never_import_each_other() -> None:
    for path in (ROOT / "survey_app" / "screens").glob("*.py"):
        others = {name for name in imported(path) if name.startswith("survey_app.screens.")}
        assert not others, path


def test_analysis_has_no_circles() -> None:
    graph = {
        path.stem: {name.split(".")[1] for name in imported(path, at_top=True) if name.startswith("analysis.")}
        for path in modules("analysis")
        if path.stem != "__init__"
    }
    ready: set[str] = set()
    while graph:
        free = {name for name, needs in graph.items() if needs & set(graph) <= {name}}
        assert free, f"these import each other in a circle: {sorted(graph)}"
        ready |= free
        graph = {name: needs for name, needs in graph.items() if name not in free}


def test_the_first_stations_do_not_know_the_later_ones() -> None:
    """The road of architecture.md: each room may use rooms before it only."""
    road = ["errors", "instrument", "scoring", "moments", "model", "fit", "regression", "paths"]
    for position, name in enumerate(road):
        path = ROOT / "analysis" / f"{name}.py"
        if not path.exists():
            continue
        later = {f"analysis.{after}" for after in road[position + 1 :]} - {"analysis.moments"}
        assert not imported(path, at_top=True) & later, name


def test_a_respondent_waits_for_no_statistics() -> None:
    """Everything the respondent's screen imports, followed through both packages."""
    waiting, seen = [ROOT / "survey_app" / "screens" / "respondent.py", ROOT / "survey_app" / "server.py"], set[Path]()
    while waiting:
        path = waiting.pop()
        if path in seen or not path.exists():
            continue
        seen.add(path)
        names = imported(path, at_top=True)
        assert not {name.partition(".")[0] for name in names} & HEAVY, path
        waiting += [ROOT / f"{name.replace('.', '/')}.py" for name in names]
        waiting += [ROOT / name.replace(".", "/") / "__init__.py" for name in names]
    assert len(seen) > 5


@pytest.mark.parametrize("path", [*modules("analysis"), *modules("survey_app")], ids=lambda path: path.stem)
def test_names_say_what_things_are(path: Path) -> None:
    assert not BANNED_NAMES.search(path.stem)
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and "migrations" not in path.parts:
            banned = BANNED_VERBS.match(node.name) and node.name not in NAMED_BY_OTHERS
            assert not banned, f"{path.name}: {node.name}"


def test_only_one_room_builds_paths_into_data() -> None:
    for path in [*modules("analysis"), *modules("survey_app")]:
        if path.name != "datafiles.py":
            text = path.read_text(encoding="utf-8")
            assert not re.search(r"""parent\s*/\s*["']data["']""", text), path


def test_the_top_level_is_as_drawn() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["name"] == "parasol-survey"
    assert project["project"]["scripts"] == {"parasol": "survey_app.cli:app"}
    for name in ("README.md", "CHANGELOG.md", "LICENSE", "constraints.txt", ".ci/run", ".streamlit/config.toml"):
        assert (ROOT / name).is_file(), name
    assert not list((ROOT / "data").rglob("*.py"))


def test_no_file_names_a_package_registry() -> None:
    for name in ("pyproject.toml", "constraints.txt", ".ci/run", "README.md"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert "index-url" not in text and "://pypi" not in text and "find-links" not in text, name


def test_readme_and_ci_use_the_same_test_line() -> None:
    """The line in the README that passes the tests is the one continuous integration takes from it."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    lines = [line for line in readme.splitlines() if line.endswith("pytest") and "install" in line]
    assert len(lines) == 1
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert lines[0] in ci
    assert "PARASOL_NO_SKIP=1" in ci
