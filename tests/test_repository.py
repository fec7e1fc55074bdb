"""What the repository promises of itself: pages, locks, licences, and nothing of one machine."""

import ast
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from dse.commands.options import COMMANDS, build_parser
from search_spaces import PRESETS

if sys.version_info >= (3, 11):
    import tomllib
else:
    tomllib = pytest.importorskip("tomli")

ROOT = Path(__file__).parent.parent
PACKAGES = ("converter", "dse", "estimators", "search_spaces")
PAGES = ("README.md", "CONTRIBUTING.md")


@pytest.fixture(scope="module")
def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def tracked():
    """Every file that git knows, or would with the next commit."""
    argv = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip("not a git repository")
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


def page(name):
    return (ROOT / name).read_text()


def make_targets():
    return set(re.findall(r"^([a-z][a-z0-9-]*):(?!=)", page("Makefile"), re.MULTILINE))


@pytest.mark.parametrize("name", PAGES)
def test_every_make_target_that_a_page_names_is_there(name):
    named = set(re.findall(r"\bmake ([a-z][a-z0-9-]*)\b(?=`|\s+#|\s*$)", page(name), re.MULTILINE))
    assert named
    assert named <= make_targets()


def test_the_two_commands_are_in_the_readme():
    named = re.findall(r"^make (\w+)", page("README.md"), re.MULTILINE)
    assert named[:2] == ["demo", "test"]


def test_ci_runs_the_tests():
    script = page(".ci/run")
    assert re.search(r"^(exec )?make test$", script, re.MULTILINE)
    assert "set -euo pipefail" in script
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111


def test_the_hook_runs_what_make_check_runs():
    assert "make -s check" in page(".pre-commit-config.yaml")


def readme_commands():
    table = page("README.md").split("## Commands")[1].split("\n\n")[1]
    return set(re.findall(r"`dse (\w+)", table))


def test_the_readme_lists_every_command_and_no_other():
    assert readme_commands() == set(COMMANDS)


def options_of(command):
    (commands,) = (a for a in build_parser()._actions if a.dest == "command")
    return {s: a for a in commands.choices[command]._actions for s in a.option_strings}


def test_every_option_of_the_readme_exists():
    known = set().union(*(options_of(command) for command in COMMANDS))
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", page("README.md")))
    assert named
    assert named <= known


def test_the_readme_names_the_choices_of_dse_run():
    text, options = page("README.md"), options_of("run")
    rows = dict(re.findall(r"^\| `(--[a-z-]+)[^|]*\|(.*)\|$", text, re.MULTILINE))
    for option, row in rows.items():
        for choice in options[option].choices or ():
            assert f"`{choice}`" in row
    assert set(re.findall(r"`([a-z-]+)`", rows["--space"])) == set(PRESETS)


def test_the_examples_of_the_readme_are_valid_calls():
    blocks = "\n".join(re.findall(r"```\n(.*?)```", page("README.md"), re.DOTALL))
    lines = blocks.replace("\\\n", " ").splitlines()
    calls = [line.split("#")[0].split()[1:] for line in lines if line.startswith("dse ")]
    assert len(calls) >= 4
    for words in calls:
        assert build_parser().parse_args(words).command == words[0]


def test_the_changelog_has_a_place_for_what_comes():
    assert re.search(r"^## \[?Unreleased\]?$", page("CHANGELOG.md"), re.MULTILINE)


def test_the_licence_is_apache(project):
    text = page("LICENSE")
    assert "Apache License" in text
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text
    assert project["license"] == "Apache-2.0"


def test_the_version_is_the_installed_one(project):
    assert project["version"] == version("nn-fpga-dse")


def test_no_file_is_large(tracked):
    large = [str(f.relative_to(ROOT)) for f in tracked if f.stat().st_size > 1 << 20]
    assert large == []


def test_no_page_or_program_names_a_folder_of_one_machine(tracked):
    machine = re.compile(r"(?<![\w.<])/(?:root|home|work|Users)/\w|/tmp/\w")
    found = [
        f"{file.relative_to(ROOT)}: {line.strip()}"
        for file in tracked
        if file.suffix in (".py", ".md", ".toml", ".txt", ".yaml", ".yml", ".json", ".j2", ".tcl")
        or file.name in ("Makefile", "run", "system-packages")
        for line in file.read_text(errors="replace").splitlines()
        if machine.search(line)
    ]
    assert found == []


def test_nothing_made_is_tracked(tracked):
    made = {".h5", ".npz", ".keras"}
    allowed = {ROOT / "examples", ROOT / "tests"}
    for file in tracked:
        assert "__pycache__" not in file.parts
        assert file.suffix not in (".pyc", ".so", ".o", ".db", ".log")
        assert file.suffix not in made or allowed & set(file.parents)


@pytest.mark.parametrize("package", PACKAGES)
def test_every_module_says_what_it_is(package):
    for path in sorted((ROOT / package).rglob("*.py")):
        assert ast.get_docstring(ast.parse(path.read_text())), path.relative_to(ROOT)


@pytest.mark.parametrize("package", PACKAGES)
def test_every_folder_of_code_is_a_package(package):
    """What is no package is left out when the project is installed."""
    for folder in {path.parent for path in (ROOT / package).rglob("*.py")}:
        assert (folder / "__init__.py").is_file(), folder.relative_to(ROOT)


def test_every_data_file_is_installed(project, tracked):
    patterns = tomllib.loads(page("pyproject.toml"))["tool"]["setuptools"]["package-data"]["*"]
    inside = [f for f in tracked if f.relative_to(ROOT).parts[0] in PACKAGES and f.suffix != ".py"]
    assert inside
    missed = [f.name for f in inside if not any(f.match(pattern) for pattern in patterns)]
    assert missed == []


# --- locks -----------------------------------------------------------------------------


def plain(name):
    return (
        re.split(r"[\s<>=!;\[~]", name, maxsplit=1)[0].lower().replace("_", "-").replace(".", "-")
    )


def lock(name):
    """(package, version) pairs; a package may stand at several versions, by Python's."""
    lines = page(f"requirements/{name}.txt").splitlines()
    pins = [line.split(";")[0].strip() for line in lines if line.strip() and line[0] not in "#-"]
    assert all(pin.count("==") == 1 for pin in pins), name
    return {(plain(pin), pin.split("==")[1]) for pin in pins}


def names(name):
    return {package for package, _ in lock(name)}


def test_the_extras_are_there(project):
    assert set(project["optional-dependencies"]) == {"keras2", "keras3", "onnx", "ecp5", "dev"}


@pytest.mark.parametrize(
    ("name", "extras"), [("core", ()), ("dev", ("dev", "keras2")), ("keras3", ("dev", "keras3"))]
)
def test_a_lock_holds_every_direct_dependency(project, name, extras):
    wanted = [*project["dependencies"]]
    for extra in extras:
        wanted += project["optional-dependencies"][extra]
    assert {plain(w) for w in wanted} <= names(name)


def test_the_core_is_the_same_everywhere():
    assert lock("core") <= lock("dev")


def test_the_core_needs_no_framework():
    assert not names("core") & {"tensorflow", "tensorflow-cpu", "keras", "qkeras", "torch"}


def test_no_lock_holds_two_tensorflows():
    for name in ("dev", "keras3"):
        assert "tensorflow" not in names(name)
        assert "tensorflow-cpu" in names(name)
