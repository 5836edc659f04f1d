"""What is dropped is counted, and told why."""

import json

import pytest

from regard.config import DataOptions
from regard.data.clean import OPTIONS, REASONS, RULES, CleaningReport, Limits, why_dropped

LIMITS = Limits(max_characters=100, max_ratio=4.0, drop_identical=True, drop_duplicates=True)


def test_the_limits_are_options_of_the_same_names() -> None:
    options = DataOptions()
    limits = Limits(**{name: getattr(options, name) for name in Limits._fields})
    assert why_dropped("a word", "un mot", limits) == ""


@pytest.mark.parametrize(
    ("source", "target", "reason"),
    [
        ("one", "un", ""),
        ("", "un", "empty"),
        ("one", "", "empty"),
        ("", "", "empty"),
        ("x" * 100, "y" * 100, ""),
        ("x" * 101, "y" * 100, "too long"),
        ("x" * 100, "y" * 101, "too long"),
        ("é" * 100, "y" * 100, ""),
        ("x" * 2, "y" * 38, ""),  # (38 + 10) / (2 + 10) is 4
        ("x" * 2, "y" * 39, "length ratio"),
        ("x" * 39, "y" * 2, "length ratio"),
        ("x" * 85, "經" * 10, ""),  # (85 + 10) / (3 * 10 + 10) is less than 4
        ("x" * 75, "경" * 4, ""),
        ("x" * 99, "ж" * 10, "length ratio"),
        ("Paris", "Paris", "identical"),
        ("3 km", "3 km", "identical"),
        ("東京", "東京", "identical"),
        ("3.5", "3.5", ""),
        ("© 2009 *", "© 2009 *", ""),
        ("Paris", "paris", ""),
    ],
)
def test_a_pair_is_dropped_for_the_first_reason_that_holds(
    source: str, target: str, reason: str
) -> None:
    assert why_dropped(source, target, LIMITS) == reason


def test_an_untranslated_line_is_kept_if_the_options_say_so() -> None:
    assert why_dropped("Paris", "Paris", LIMITS._replace(drop_identical=False)) == ""


def test_the_reasons_are_asked_in_the_order_of_the_table() -> None:
    assert why_dropped("", "y" * 101, LIMITS) == "empty"
    assert why_dropped("x", "y" * 101, LIMITS) == "too long"
    assert list(RULES) == ["empty", "too long", "length ratio", "identical"]
    assert list(REASONS) == ["not utf-8", "not a pair", *RULES, "duplicate"]


@pytest.fixture
def report() -> CleaningReport:
    report = CleaningReport(kept=1234)
    for number in (4, 17, 99, 100, 101, 102):
        report.drop("empty", number)
    report.drop("not utf-8", 7)
    report.drop("duplicate", 8)
    report.drop("duplicate", 9)
    return report


def test_all_that_is_read_is_kept_or_dropped(report: CleaningReport) -> None:
    assert report.read == 1234 + 6 + 1 + 2
    assert report.dropped == {"empty": 6, "not utf-8": 1, "duplicate": 2}
    assert report.largest() == "empty"


def test_the_report_tells_how_many_why_and_where(report: CleaningReport) -> None:
    assert report.lines() == [
        "read 1,243 pairs, kept 1,234",
        "dropped 1 pair: not utf-8 (line 7)",
        "dropped 6 pairs: empty (lines 4, 17, 99, 100, 101, ...)",
        "dropped 2 pairs: duplicate (lines 8, 9; option data.drop_duplicates)",
    ]
    assert CleaningReport(kept=1).lines() == ["read 1 pair, kept 1"]


@pytest.mark.parametrize("reason", REASONS)
def test_the_report_names_the_option_that_decides(reason: str) -> None:
    report = CleaningReport()
    report.drop(reason, 1)
    line = report.lines()[1]
    assert ("; option data." in line) == (reason in OPTIONS)
    if reason in OPTIONS:
        assert OPTIONS[reason].removeprefix("data.") in DataOptions.__struct_fields__
        assert line.endswith(f"(line 1; option {OPTIONS[reason]})")


def test_a_report_goes_through_json_unchanged(report: CleaningReport) -> None:
    assert CleaningReport.from_json(json.loads(json.dumps(report.to_json()))) == report


@pytest.mark.parametrize("change", [{"read": 1}, {"kept": 0}, {"dropped": {"whim": 9}}])
def test_a_report_that_does_not_add_up_is_refused(
    report: CleaningReport, change: dict[str, object]
) -> None:
    with pytest.raises(ValueError, match="do not add up"):
        CleaningReport.from_json(report.to_json() | change)
