"""The floors of the house: a file may import from lower floors only, so there is never a circle."""

import ast
import re
from graphlib import TopologicalSorter
from pathlib import Path

import numpy as np
import pytest
from jaxtyping import TypeCheckError

from regard import special
from regard.data.batches import group_by_tokens
from regard.model.decoder import DECODERS
from regard.model.encoder import DIRECTIONS, ENCODERS
from regard.model.scores import SCORES
from regard.training.schedules import SCHEDULES

SOURCE = Path(__file__).parents[1] / "src" / "regard"

FLOORS = [
    {"special", "errors", "shapes", "system", "lesson", "page"},
    {"files", "typed", "processes", "text", "model"},
    {"alignment", "config"},
    {"settings"},
    {"data", "evaluation", "pipeline", "search", "storage"},
    {"engine", "models", "translation"},
    {"second_search", "translation_json", "word_alignment"},
    {"translator"},
    {"loading"},
    {"export", "explain", "markup", "training"},
    {"documents", "shards"},
    {"api", "cluster", "serving"},
    {"experiment"},
    {"cli"},
    {"__main__"},
]
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
LONGEST_FILE, LONGEST_FUNCTION = 420, 70
"""In lines. Tables of words are exempt: they are data."""
DATA_FILES = {"lesson/words.py"}

files = sorted(SOURCE.rglob("*.py"))


def room(file: Path) -> str:
    return file.relative_to(SOURCE).with_suffix("").parts[0]


def imported_rooms(file: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "regard":
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("regard."):
            names.add(node.module.split(".")[1])
        elif isinstance(node, ast.Import):
            names |= {a.name.split(".")[1] for a in node.names if a.name.startswith("regard.")}
    return names - {"__version__"}


def test_there_are_files_to_look_at():
    assert len(files) > 30


@pytest.mark.parametrize("file", files, ids=lambda file: str(file.relative_to(SOURCE)))
def test_every_import_goes_down(file):
    if file == SOURCE / "__init__.py":
        return
    for below in imported_rooms(file) - {room(file)}:
        assert FLOOR[below] < FLOOR[room(file)], f"{file} must not import regard.{below}"


def module(file: Path) -> str:
    """Its name, as an import writes it."""
    return ".".join(("regard", *file.relative_to(SOURCE).with_suffix("").parts)).removesuffix(
        ".__init__"
    )


MODULES = {module(file): file for file in files}


def imported_modules(file: Path) -> set[str]:
    """What a file imports of this project, wherever in the file the import is written."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("regard"):
            joined = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= {name if name in MODULES else node.module for name in joined}
    return (names & MODULES.keys()) - {"regard"}


def test_no_file_imports_itself_through_others():
    """Inside a room too: files can be ordered so that each imports earlier ones only."""
    order = TopologicalSorter({name: imported_modules(file) for name, file in MODULES.items()})
    order.prepare()


@pytest.mark.parametrize("file", files, ids=lambda file: str(file.relative_to(SOURCE)))
def test_no_file_and_no_function_grows_too_long(file):
    if str(file.relative_to(SOURCE)) in DATA_FILES:
        return
    text = file.read_text("utf-8")
    assert text.count("\n") <= LONGEST_FILE
    if room(file) == "cli":
        return  # a command is mostly its --help
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno - node.lineno < LONGEST_FUNCTION, f"{file}: {node.name}"


@pytest.mark.parametrize("file", files, ids=lambda file: str(file.relative_to(SOURCE)))
def test_every_file_says_what_it_is_for(file):
    assert ast.get_docstring(ast.parse(file.read_text("utf-8")))


def test_the_names_that_options_check_are_those_of_the_tables():
    assert tuple(SCORES) == special.SCORE_NAMES
    assert tuple(ENCODERS) == tuple(DECODERS) == special.LAYER_NAMES
    assert tuple(DIRECTIONS) == special.ENCODER_NAMES
    assert tuple(SCHEDULES) == special.SCHEDULE_NAMES


def test_the_options_offer_exactly_these_names():
    from typing import get_args

    from msgspec.structs import fields

    from regard.config import ModelOptions, TrainOptions

    types = {option.name: option.type for option in fields(ModelOptions)}
    assert get_args(types["attention"]) == special.SCORE_NAMES
    assert get_args(types["layer_type"]) == special.LAYER_NAMES
    for side in ("encoder", "decoder"):
        offered = get_args(types[f"{side}_layer_type"])
        assert offered == ("same", *special.LAYER_NAMES)
    assert get_args(types["encoder"]) == special.ENCODER_NAMES
    schedule = {option.name: option.type for option in fields(TrainOptions)}["schedule"]
    assert get_args(schedule) == special.SCHEDULE_NAMES


def test_the_mission_stands_in_one_function_in_its_own_words():
    """Each line of code beside its sentence, in order, in `AttentionLayer.attend`."""
    mission = [
        ("self.recur(inputs, state)", "the layer's own hidden states"),
        ("memory.states", "step 1: look at the encoder states"),
        ("self.score(self.query(hidden), memory.keys", "step 2: give each of them a score"),
        (".softmax(dim=-1)", "step 3: softmax the scores,"),
        ("(weights) @ states", "weigh each state by its own, add"),
        ("self.join(hidden, ", "put hidden and context together"),
        ("self.feed_forward(both)", "feed both forward"),
    ]
    text = (SOURCE / "model" / "attention.py").read_text("utf-8")
    [attend] = re.findall(r"    def attend\(.*?return Attention", text, re.DOTALL)
    commented = [line for line in attend.split("\n") if "  # B " in line]
    assert len(commented) == len(mission)
    for line, (code, words) in zip(commented, mission, strict=True):
        statement, comment = line.split("  # ")
        assert code in statement and words in comment


def test_make_types_checks_shapes(pytestconfig):
    if not pytestconfig.getoption("jaxtyping_packages"):
        pytest.skip("this run checks no types")
    with pytest.raises(TypeCheckError):
        group_by_tokens(np.zeros((2, 3), np.int64), 5)
