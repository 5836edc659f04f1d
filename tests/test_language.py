"""The language of the house: identifiers are the field's own words, and one name is one thing."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "regard"
PRIVATE_WORDS = {
    *("circle", "circles", "circling", "told", "behind", "look", "looks", "looking", "made"),
    *("chance", "course", "coming", "onward", "goes", "skim", "bequeath", "heard", "hear"),
    *("narrow", "whole", "place", "places", "found"),
}
"""Words that say nothing to a reader of the field's papers; each has a better one."""
PRIVATE_PHRASES = ("fill_up", "let_go")
EXEMPT = {"lesson": "a teaching corpus, whose grammar is about places and things that are told"}
"""Rooms whose identifiers are free, and why."""

GIVEN_NAMES = {"connection_made": "asyncio calls it so"}
"""Identifiers that others chose, and who."""

SHARED_NAMES: dict[str, str] = {}
"""Top-level names that two files have, and why that is one concept."""

FILES = sorted(
    file
    for folder in ("src/regard", "benchmarks", "recipes", "docs")
    for file in (ROOT / folder).rglob("*.py")
)


def room(file: Path) -> str:
    parts = file.relative_to(SOURCE).parts if file.is_relative_to(SOURCE) else ("",)
    return parts[0]


def identifiers(tree: ast.AST) -> Iterator[str]:
    """Every name that a file defines: functions, classes, parameters, variables, attributes."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name
            case ast.arg():
                yield node.arg
            case ast.Name(ctx=ast.Store()):
                yield node.id
            case ast.Attribute(ctx=ast.Store()):
                yield node.attr
            case ast.alias(asname=str(name)):
                yield name


def words_of(name: str) -> list[str]:
    """snake_case and CamelCase taken apart, in small letters."""
    return [part.lower() for part in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)]


def is_private(name: str) -> bool:
    words = words_of(name)
    return bool(PRIVATE_WORDS & set(words)) or any(
        phrase in "_".join(words) for phrase in PRIVATE_PHRASES
    )


@pytest.mark.parametrize(
    ("name", "private"),
    [
        ("found", True),
        ("is_found", True),
        ("FOUND_ONE", True),
        ("LookedUp", False),
        ("TakeLook", True),
        ("placeholder", False),
        ("replace_all", False),
        ("lookup", False),
        ("fill_up_rows", True),
        ("coursework", False),
    ],
)
def test_a_private_word_is_recognised_as_a_whole_part_alone(name, private):
    assert is_private(name) == private


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_identifiers_are_the_fields_own_words(file):
    if room(file) in EXEMPT:
        return
    names = set(identifiers(ast.parse(file.read_text("utf-8"))))
    assert not sorted(name for name in names - GIVEN_NAMES.keys() if is_private(name))


def top_level_names(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in tree.body:
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.Assign(targets=targets):
                stored = (part for target in targets for part in ast.walk(target))
                names |= {part.id for part in stored if isinstance(part, ast.Name)}
            case ast.AnnAssign(target=ast.Name(id=name)):
                names.add(name)
    return {name for name in names if not name.startswith("__")}


def may_share(files: list[Path]) -> bool:
    """A command and its API function, a command's own `add_to`, or one concept in the network and
    in the engine that runs it without PyTorch."""
    rooms = [room(file) for file in files]
    others = [name for name in rooms if name != "cli"]
    if len(others) <= 1 and "cli" in rooms:
        return True
    return sorted(rooms) == ["engine", "model"] and any("onnx" in file.parts for file in files)


def test_no_top_level_name_is_in_two_files():
    owners: dict[str, list[Path]] = defaultdict(list)
    for file in FILES:
        if file.is_relative_to(SOURCE) and room(file) not in EXEMPT:
            for name in top_level_names(ast.parse(file.read_text("utf-8"))):
                owners[name].append(file)
    shared = {
        name: [str(file.relative_to(SOURCE)) for file in files]
        for name, files in owners.items()
        if len(files) > 1 and not may_share(files) and name not in SHARED_NAMES
    }
    assert not shared


def test_each_exception_is_still_needed():
    texts = [top_level_names(ast.parse(file.read_text("utf-8"))) for file in FILES]
    for name, reason in SHARED_NAMES.items():
        assert reason and sum(name in names for names in texts) > 1, name
