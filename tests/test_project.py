"""The project keeps its own rules: floors, import cost, who prints, how long a file is."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "gradviz"
FILES = sorted(path for path in PACKAGE.rglob("*.py") if "_examples" not in path.parts)
MOST_LINES = 300

# A room may import itself and what stands before it.
FLOORS = (
    "errors",
    "core",
    "ops",
    "namespaces",
    "passes",
    "nn",
    "figures",
    "draw",
    "terminal",
    "compiler",
    "interop",
    "cli",
)
# Which libraries a room below may not know, however it imports them.
ONLY_IN = {
    "pygraphviz": ("draw/layout.py",),
    "graphviz": ("draw/",),
    "ziamath": ("draw/",),
    "ziafont": ("draw/",),
    "resvg_py": ("draw/",),
    "typst": ("draw/",),
    "matplotlib": ("draw/plot.py",),
    "safetensors": ("compiler/weights.py",),
    "click": ("cli/",),
    "rich": ("cli/", "terminal/"),
}
ids = [str(path.relative_to(PACKAGE)) for path in FILES]


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    """Every module that a file imports, also inside its functions and for type checkers alone."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import"
            found.add(node.module or "")
            if node.module == "gradviz":
                found.update(f"gradviz.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            found.update(arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str))
    return found


@pytest.mark.parametrize("path", FILES, ids=ids)
def test_a_file_imports_only_from_its_floor_and_below(path):
    here = room(path)
    if here in {"__init__", "__main__"}:
        return
    assert here in FLOORS, f"{here} is no room of the house"
    for name in imports(path):
        top, _, rest = name.partition(".")
        if top == "gradviz" and rest:
            there = rest.partition(".")[0]
            if there in FLOORS:
                assert FLOORS.index(there) <= FLOORS.index(here), f"{here} imports {name}"
            else:
                assert here == "cli", f"{here} imports gradviz.{there} from the top"
        elif name == "gradviz":
            assert here == "cli", f"{here} imports the package from the top"


def test_the_page_of_the_architecture_has_the_floors_and_files_that_there_are():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rooms = re.findall(r"^\| `(\w+)(?:/|\.py)` \|", text, re.MULTILINE)
    assert len(rooms) == len(FLOORS)
    assert all(FLOORS.index(above) < FLOORS.index(below) for above, below in pairwise(rooms))
    assert {room(path) for path in FILES} - {"__init__", "__main__"} == set(rooms)
    named = set(re.findall(r"`(?:gradviz/)?(?:\w+/)?(\w+\.py)`", text))
    assert named <= {path.name for path in (*FILES, Path(__file__))}
    compiling = re.findall(r"`(\w+\.py)`", text.partition("## The compiler's files")[2])
    assert set(compiling) <= {path.name for path in FILES if room(path) == "compiler"}


def test_what_is_imported_is_asked_for():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    optional = [text for texts in project["optional-dependencies"].values() for text in texts]
    asked = {re.match(r"[\w-]+", text)[0] for text in (*project["dependencies"], *optional)}
    packages = packages_distributions()
    for path in FILES:
        for name in {name.partition(".")[0] for name in imports(path)} - {"gradviz"} - sys.stdlib_module_names:
            given_by = {text.lower().replace("_", "-") for text in (name, *packages.get(name, ()))}
            assert asked & given_by, f"{path.relative_to(ROOT)} imports {name}"


@pytest.mark.parametrize("path", FILES, ids=ids)
def test_a_library_is_known_only_where_it_belongs(path):
    here = path.relative_to(PACKAGE).as_posix()
    for name in imports(path):
        places = ONLY_IN.get(name.partition(".")[0])
        assert places is None or here.startswith(places), f"{here} imports {name}"


@pytest.mark.parametrize("path", FILES, ids=ids)
def test_what_draws_knows_no_operation(path):
    if room(path) in {"figures", "draw", "terminal"}:
        assert not [name for name in imports(path) if name.startswith("gradviz.ops")]


@pytest.mark.parametrize("path", FILES, ids=ids)
def test_only_the_command_line_prints_or_exits(path):
    if room(path) in {"cli", "__main__"}:
        return
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in {"print", "exit", "quit", "sys.exit", "os._exit"}, f"{path}:{node.lineno}: {called}"
            assert not called.startswith(("sys.stdout.", "sys.stderr.")), f"{path}:{node.lineno}: {called}"


@pytest.mark.parametrize("path", FILES, ids=ids)
def test_a_file_is_short_and_says_what_it_is_for(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES
    assert ast.get_docstring(ast.parse(path.read_bytes()))


def test_the_parser_of_imports_sees_every_kind(tmp_path):
    script = tmp_path / "x.py"
    script.write_text(
        "import a.b as c\nfrom d.e import f\nfrom gradviz import g\ndef h():\n    import i\n"
        "    importlib.import_module('j.k')\nif TYPE_CHECKING:\n    from l import m\n"
    )
    assert imports(script) == {"a.b", "d.e", "gradviz", "gradviz.g", "i", "j.k", "l"}


def loaded_by(*code: str) -> set[str]:
    """The top-level modules that a fresh interpreter has loaded after some lines."""
    program = "\n".join([*code, "import sys", "print(*{name.partition('.')[0] for name in sys.modules})"])
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True, timeout=60
    )
    return set(done.stdout.splitlines()[-1].split())


HEAVY = {
    *("sympy", "graphviz", "pygraphviz", "rich", "click", "ziamath", "ziafont", "typst", "resvg_py"),
    *("matplotlib", "safetensors"),
}


def test_importing_is_light():
    assert "gradviz" in (loaded := loaded_by("import gradviz"))
    assert not loaded & HEAVY


def test_building_and_differentiating_load_no_more():
    lines = ("import gradviz as gv", "w = gv.param('w', 2.0)", "gv.backprop(gv.square(w * 3))")
    assert not loaded_by(*lines) & HEAVY


def test_stepping_and_derivative_graphs_load_no_sympy():
    lines = (
        "import gradviz as gv",
        "g = gv.graph(y=gv.square(gv.param('w', 2.0)))",
        "gv.steps(g)",
        "gv.derivative(g, 'w')",
    )
    assert not loaded_by(*lines) & HEAVY


def test_help_and_version_load_no_library_but_click():
    for option in ("--help", "--version"):
        loaded = loaded_by("from gradviz.cli import main", f"main(['{option}'])")
        assert "click" in loaded
        assert not loaded & (HEAVY - {"click"} | {"numpy"})


def test_drawing_loads_no_sympy_and_no_rich(tmp_path):
    arguments = ["render", "-e", "x*y", "--at", "x=1", "--at", "y=2", "-o", str(tmp_path / "x.svg")]
    code = f"main({arguments!r})"
    # The answer is on stdout, so that the list of modules must come from the same place: stderr is free.
    program = f"from gradviz.cli import main\n{code}\nimport sys\nprint(*sys.modules, file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
        timeout=60,
        env=os.environ | {"GRADVIZ_CACHE": "off"},
    )
    loaded = {name.partition(".")[0] for name in done.stderr.splitlines()[-1].split()}
    assert (tmp_path / "x.svg").exists()
    assert "ziamath" in loaded
    assert not loaded & {"sympy", "rich", "matplotlib", "typst"}


def tracked() -> list[Path]:
    """What the repository holds; in an unpacked source archive, everything."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    names = [name for name in listed.stdout.decode().split("\0") if name] if listed.returncode == 0 else []
    paths = [ROOT / name for name in names] or [
        path for path in ROOT.rglob("*") if not {".venv", ".git", "out"} & set(path.relative_to(ROOT).parts)
    ]
    return [path for path in paths if path.is_file()]


def test_no_file_names_a_registry_or_somebodys_machine():
    # The words are in two: this file is read, too.
    hosts = "|".join(("py" + "pi", "python" + "hosted", "npm" + "js", "ana" + "conda"))
    registries = rf"(?:{hosts})\.(?:org|com)|{'in' + 'dex'}-url"
    machines = r"(?<![\w.~-])/(?:home|Users|root|work|mnt|opt)/[\w.-]+"
    wrong = re.compile(f"{registries}|{machines}")
    for path in tracked():
        if path.suffix in {".png", ".pdf", ".woff2", ".otf"}:
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        found = wrong.search(text)
        assert found is None, f"{path.relative_to(ROOT)}: {found.group() if found else ''}"
