"""The laws of the light install: who only translates needs the base dependencies alone."""

import re
import subprocess
import sys
import sysconfig
import zipfile
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest

from conftest import CAT_AND_MOUSE
from regard import models
from regard.cli import COMMANDS
from regard.export.export import export
from regard.lesson.corpus import EXAMPLE

ROOT = Path(__file__).parents[1]
MOST = 210e6
"""Bytes on disk, with all that is needed and a model."""
HEAVY = ("torch", "matplotlib", "sacrebleu", "sacremoses", "fastapi", "pyarrow", "scipy")
SLOW = ("torch", "jaxtyping", "matplotlib", "rich.progress", "unittest")

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
def empty(tmp_path_factory) -> Path:
    """A folder with regard's wheel and what it needs, as an empty environment would have it."""
    folder = tmp_path_factory.mktemp("empty")
    wheels = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", wheels],
        cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip
    with zipfile.ZipFile(next(wheels.glob("*.whl"))) as wheel:
        wheel.extractall(folder)
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
    commands = {file.stem for file in files if f"def {file.stem}(" in file.read_text("utf-8")}
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


def test_a_command_reads_no_other_command(empty):
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
def test_a_translation_reads_nothing_that_it_does_without():
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
def test_the_wheel_alone_translates_with_the_model_that_comes_along(empty):
    done = in_empty(empty, "from regard.cli import main; main()", "translate")
    assert done.stdout.decode() in CAT_AND_MOUSE and not done.stderr
    told = in_empty(empty, "from regard.cli import main; main()", "info", "en-fr").stdout.decode()
    assert "Tatoeba" in told and "CC BY 2.0 FR" in told and "European Parliament" in told


def test_what_is_heavy_is_not_there_and_not_missed(empty):
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
    assert size < MOST, f"{size / 1e6:.0f} MB"
