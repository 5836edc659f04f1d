"""The laws of the light install: to translate, the base dependencies are enough."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest

import regard
from conftest import CAT_AND_MOUSE
from regard import models
from regard.cli import COMMANDS
from regard.export.export import export
from regard.lesson.corpus import EXAMPLE

ROOT = Path(__file__).parents[1]
MAX_BYTES = 210e6
"""On disk, with all dependencies and a model."""
HEAVY = ("torch", "matplotlib", "sacrebleu", "sacremoses", "starlette", "pyarrow", "ray", "scipy")
SLOW = ("torch", "jaxtyping", "matplotlib", "rich.progress", "unittest", "pyarrow", "ray")

with_the_model = pytest.mark.skipif(
    not models.DEFAULT.exists(), reason="its model is not in this checkout"
)


def needed(requirements: list[str], found: dict[str, Distribution]) -> dict[str, Distribution]:
    """The distributions that these need, all extras left out."""
    for requirement in requirements:
        wanted, _, marker = requirement.partition(";")
        if "extra" in marker or "python_version" in marker or "platform" in marker:
            continue
        name = re.match(r"[\w.-]+", wanted)[0]
        if name not in found:
            found[name] = distribution(name)
            needed(found[name].requires or [], found)
    return found


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder],
        cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def empty(wheel, tmp_path_factory) -> Path:
    """A folder with regard's wheel and what it needs, as an empty environment would have it."""
    folder = tmp_path_factory.mktemp("empty")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    metadata = next(folder.glob("regard-*.dist-info")) / "METADATA"
    wanted = re.findall("^Requires-Dist: (.*)$", metadata.read_text("utf-8"), re.MULTILINE)
    site = Path(sysconfig.get_path("purelib"))
    for dist in needed(wanted, {}).values():
        for top in {file.parts[0] for file in dist.files or []} - {"..", "__pycache__"}:
            if not (folder / top).exists() and (site / top).exists():
                (folder / top).symlink_to(site / top)
    return folder


def test_every_file_of_a_command_is_a_command():
    files = (ROOT / "src" / "regard" / "cli").glob("*.py")
    commands = {file.stem for file in files if f"\ndef {file.stem}(" in file.read_text("utf-8")}
    assert commands == set(COMMANDS)


def in_empty(folder: Path, program: str, *words: str) -> subprocess.CompletedProcess[bytes]:
    begin = f"import sys; sys.path.insert(0, {str(folder)!r})\n"
    return subprocess.run(
        [sys.executable, "-I", "-S", "-c", begin + program, *words],
        input=EXAMPLE.source.encode() + b"\n", capture_output=True, check=False,
    )  # fmt: skip


def test_the_wheel_alone_translates_with_the_base_dependencies(empty, model, tmp_path):
    export(model, tmp_path / "model.regard", "int8", [])
    command = ["translate", "--model", str(tmp_path / "model.regard")]
    done = in_empty(empty, "from regard.cli import main; main()", *command)
    assert done.returncode == 0 and done.stdout.strip(), done.stderr.decode()


def test_a_command_imports_no_other_command(empty):
    program = (
        "import sys\nfrom regard.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print([name for name in sys.modules if name.startswith('regard.cli.')], file=sys.stderr)\n"
    )
    for command in ("translate", "info"):
        done = in_empty(empty, program, command, "--help")
        read = set(re.findall(r"regard\.cli\.(\w+)", done.stderr.decode()))
        assert read & set(COMMANDS) == {command}, done.stderr.decode()


@with_the_model
def test_a_translation_imports_nothing_that_it_does_not_need():
    """Each of them is there while the tests run, and takes time to read."""
    program = (
        "import sys\nfrom regard.cli import main\ntry:\n    main()\nfinally:\n"
        f"    print([name for name in {SLOW} if name in sys.modules], file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "translate"],
        input=b"The cat .\n", capture_output=True, check=True,
    )  # fmt: skip
    assert done.stderr.split() == [b"[]"], done.stderr.decode()


@with_the_model
def test_a_translation_leaves_nothing_in_the_users_home(tmp_path):
    """ONNX Runtime would keep an identifier there, and report to its makers."""
    home = tmp_path / "home"
    home.mkdir()
    variables = {"HOME": str(home), "USERPROFILE": str(home), "LOCALAPPDATA": str(home)}
    unwanted = ("XDG_", "ORT_DISABLE_TELEMETRY", "CI")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
    done = subprocess.run(
        [sys.executable, "-m", "regard", "translate"],
        input=b"The cat .\n", capture_output=True, check=True, env=kept | variables,
    )  # fmt: skip
    assert done.stdout and [*home.rglob("*")] == []


@with_the_model
def test_the_wheel_alone_translates_with_the_built_in_model(empty):
    done = in_empty(empty, "from regard.cli import main; main()", "translate")
    assert done.stdout.decode() in CAT_AND_MOUSE and not done.stderr
    printed = in_empty(
        empty, "from regard.cli import main; main()", "info", "en-fr"
    ).stdout.decode()
    assert "Tatoeba" in printed and "CC BY 2.0 FR" in printed and "European Parliament" in printed


def test_heavy_packages_are_neither_there_nor_needed(empty):
    program = (
        "import regard, regard.engine.onnx\n"
        f"for name in {HEAVY}:\n"
        "    assert name not in sys.modules, name\n"
        "    try:\n        __import__(name)\n"
        "    except ModuleNotFoundError:\n        continue\n"
        "    raise AssertionError(name)\n"
    )
    done = in_empty(empty, program)
    assert done.returncode == 0, done.stderr.decode()


def test_training_in_the_light_install_says_what_to_install(empty, text):
    done = in_empty(
        empty, "from regard.cli import main; main()", "train", *map(str, text.train), "--out", "m"
    )
    assert done.returncode == 2 and b".[train]" in done.stderr, done.stderr.decode()


def test_the_light_install_is_light(empty):
    size = sum(
        file.stat().st_size
        for top in empty.iterdir()
        for file in ([top] if top.is_file() else top.resolve().rglob("*"))
        if file.is_file() and "__pycache__" not in file.parts
    )
    assert size < MAX_BYTES, f"{size / 1e6:.0f} MB"


def pythons() -> list[str]:
    """The interpreters of this machine that regard supports, one of each version."""
    names = [sys.executable, *(shutil.which(f"python3.{minor}") or "" for minor in range(11, 20))]
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    names += map(str, versions.glob("3.*/bin/python"))
    by_version = {}
    for name in filter(None, names):
        done = subprocess.run(
            [name, "-c", "import sys; print(*sys.version_info[:2])"],
            capture_output=True, check=False, text=True,
        )  # fmt: skip
        version = tuple(map(int, done.stdout.split()))
        if done.returncode == 0 and version >= (3, 11):
            by_version.setdefault(version, name)
    return list(by_version.values())


@with_the_model
@pytest.mark.registry
@pytest.mark.parametrize("python", pythons())
def test_the_wheel_installs_into_a_clean_environment_and_translates(python, wheel, tmp_path):
    subprocess.run([python, "-m", "venv", tmp_path / "clean"], check=True)
    programs = tmp_path / "clean" / ("Scripts" if sys.platform == "win32" else "bin")
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "VIRTUAL_ENV"))
    }
    subprocess.run(
        [programs / "python", "-m", "pip", "install", "-q", wheel], check=True, env=clean
    )
    done = subprocess.run(
        [programs / "regard", "translate"],
        input=b"The black cat ate the mouse.\n", capture_output=True, check=False, env=clean,
    )  # fmt: skip
    assert done.stdout.decode() in CAT_AND_MOUSE, done.stderr.decode()


@with_the_model
@pytest.mark.registry
def test_three_commands_of_the_readme_lead_to_an_answer_of_the_server(tmp_path):
    """As they are printed, in an empty environment."""
    section = (ROOT / "README.md").read_text("utf-8").partition("\n## Serve\n")[2]
    install, serve, ask = section.partition("```text\n")[2].partition("```")[0].splitlines()
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "clean"], check=True)
    programs = tmp_path / "clean" / "bin"
    clean = {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "HOME": str(tmp_path)}
    subprocess.run(["bash", "-c", install], cwd=ROOT, env=clean, check=True)
    server = subprocess.Popen(
        ["bash", "-c", f"exec {serve}"], env=clean, stderr=subprocess.PIPE, text=True
    )
    try:
        for line in server.stderr:
            if "listening at" in line:
                break
        asked = subprocess.run(["bash", "-c", f"{ask} -sS"], capture_output=True, check=True)
    finally:
        server.kill()
        server.communicate()
    assert asked.stdout.decode() == '{"translatedText": "Le chat dort."}'


@pytest.mark.registry
def test_the_modules_of_the_page_have_the_types_that_their_comments_say():
    """TypeScript checks the JavaScript; npm brings it."""
    npx = shutil.which("npx")
    assert npx, "npm is needed"
    page = Path(regard.__file__).parent / "page"
    command = [npx, "--yes", "--package", "typescript@5", "tsc", "--project", page]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
