"""What is wrong with data that is not of its type, in the words of users."""

from typing import Annotated, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta, Struct

from regard.typed import LARGEST, Fault, to_typed


class Part(Struct, frozen=True, forbid_unknown_fields=True):
    files: Annotated[tuple[Annotated[str, Meta(min_length=1)], ...], Meta(max_length=2)]
    weight: Annotated[float, Meta(gt=0.0, le=LARGEST)] = 1.0


class All(Struct, frozen=True, forbid_unknown_fields=True):
    count: Annotated[int, Meta(ge=1)] = 3
    share: Annotated[float, Meta(ge=0.0, lt=1.0)] = 0.0
    size: Annotated[int, Meta(ge=0)] | Literal["auto"] = "auto"
    is_on: bool = True
    name: Annotated[str, Meta(pattern="^[a-z]*$")] = ""
    parts: tuple[Part, ...] = ()


@pytest.mark.parametrize(
    ("data", "path", "kind", "value", "expected"),
    [
        ({"count": 0}, ["count"], "invalid", 0, "expected a whole number >= 1"),
        ({"count": 2.5}, ["count"], "invalid", 2.5, "expected a whole number"),
        ({"count": True}, ["count"], "invalid", True, "expected a whole number"),
        ({"share": "a"}, ["share"], "invalid", "a", "expected a number"),
        ({"size": "b"}, ["size"], "invalid", "b", "this is none of the possible values"),
        ({"size": []}, ["size"], "invalid", [], "expected a whole number or text"),
        ({"is_on": "yes"}, ["is_on"], "invalid", "yes", "expected true or false"),
        ({"name": "A"}, ["name"], "invalid", "A", "expected text matching regex '^[a-z]*$'"),
        ({"parts": [{}]}, ["parts", "0", "files"], "missing", {}, ""),
        ({"parts": {"files": 1}}, ["parts"], "invalid", {"files": 1}, "expected a list"),
        (
            {"parts": [{"files": ["a"]}, {"files": ["b"], "weight": float("inf")}]},
            ["parts", "1", "weight"],
            "invalid",
            float("inf"),
            "expected a finite number",
        ),
        ({"parts": [{"files": [""]}]}, ["parts", "0", "files", "0"], "invalid", "", "length >= 1"),
        ({"b`.c": 3}, ["b`.c"], "unknown", {"b`.c": 3}, ""),
        ({"parts": [{"files": [], "x": 1}]}, ["parts", "0", "x"], "unknown", None, ""),
        ([], [], "invalid", [], "expected a table of options"),
    ],
    ids=lambda case: str(case)[:30],
)
def test_a_fault_says_what_is_wrong_and_where(data, path, kind, value, expected):
    with pytest.raises(Fault) as raised:
        to_typed(data, All)
    fault = raised.value
    assert (fault.path, fault.kind) == (path, kind)
    assert value is None or fault.value == value
    assert expected in fault.expected


def test_numbers_that_are_whole_are_taken_for_whole_numbers():
    assert to_typed({"count": 2.0, "share": 0}, All) == to_typed({"count": "2"}, All)
    assert to_typed({"count": 1e4}, All).count == 10_000


LEAVES = st.one_of(st.integers(), st.floats(), st.text(max_size=5), st.booleans(), st.none())
NAMES = st.one_of(st.sampled_from(["files", "weight", *All.__struct_fields__]), st.text(max_size=4))
DATA = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=8,
)


@given(DATA)
def test_whatever_the_data_it_is_of_its_type_or_at_fault(data):
    try:
        typed = to_typed(data, All)
    except Fault as fault:
        error = fault.as_error("data", "here", "change it")
        assert error.what
        return
    assert to_typed(msgspec.to_builtins(typed), All) == typed
