"""The laws of `regard align`, typed as a user types."""

import json

import pytest

import regard
from commands import typed
from regard.lesson.corpus import examples
from regard.text.segments import tokenize

LESSON = examples(400, 5)


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    folder = tmp_path_factory.mktemp("align")
    for side in ("source", "target"):
        lines = "".join(f"{getattr(one, side)}\n" for one in LESSON)
        (folder / f"lesson.{side}").write_text(lines, "utf-8")
    gold = "".join(
        f"{number:04d} {source + 1} {target + 1} S\n"
        for number, one in enumerate(LESSON, 1)
        for source, target in sorted(one.content)
    )
    (folder / "gold.wa").write_text(gold)
    done = typed("align", *files(folder), "--save", folder / "aligner", "--out", folder / "links")
    assert done.returncode == 0, done.stderr
    return folder


def files(folder):
    return folder / "lesson.source", folder / "lesson.target"


def align(folder, *words, given=""):
    done = typed("align", *words, "--model", folder / "aligner", given=given)
    assert done.returncode == 0, done.stderr
    return done.stdout.decode(), done.stderr.decode()


def test_a_saved_aligner_links_its_own_text_as_before(text):
    learned = (text / "links").read_text().splitlines()
    assert len(learned) == len(LESSON) and all(learned)
    again, _ = align(text, *files(text))
    different = sum(a != b for a, b in zip(learned, again.splitlines(), strict=True))
    assert different <= 2


ODD = {
    "": "",
    "alone": "",
    "\u00a0": "vide",
    "The cat\u00a0sleeps\u2026": "Le chat dort\u2026",
    "🙂🏽 ﬁne e\u0301te\u0301": "🙂🏽 ﬁne été",
    "<b>The cat</b> &amp; {name}": "<b>Le chat</b> &amp; {name}",
}


def test_there_is_a_line_for_each_line_and_spans_are_those_of_the_users_own_text(text):
    table = "".join(f"{source}\t{target}\n" for source, target in ODD.items()) + "no tab\n"
    written, warned = align(text, "-", "--format", "json", given=table)
    lines = [json.loads(line) for line in written.splitlines()]
    assert len(lines) == len(ODD) + 1
    assert "4 of 7 lines have no words on one side" in warned
    for line, (source, target) in zip(lines, ODD.items(), strict=False):
        assert (line["source"], line["target"]) == (source, target)
        for side in ("source", "target"):
            words = [line[side][start:end] for start, end in line[f"{side}_words"]]
            assert "".join(words) == "".join(line[side].split())
        linked = {index for index, *_ in line["links"]}
        assert linked | set(line["unlinked"]["source"]) == set(range(len(line["source_words"])))
    assert lines[3]["links"][:2] == [
        [0, 0, pytest.approx(1, abs=0.1)],
        [1, 1, pytest.approx(1, abs=0.1)],
    ]


def test_links_are_measured_against_gold_ones(text):
    written, _ = align(text, *files(text), "--gold", text / "gold.wa", "--worst", "2")
    first, *rest = written.splitlines()
    assert first.startswith("AER ") and "400 sentences" in first
    recall = float(first.partition("recall ")[2].partition(",")[0])
    assert recall > 95
    assert sum(line[:1].isdigit() for line in rest) == 2
    both, _ = align(text, *files(text), "--symmetrize", "union", "--gold", text / "gold.wa")
    assert float(both.partition("recall ")[2].partition(",")[0]) >= recall


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--format", "pharao"], "did you mean 'pharaoh'?"),
        (["--symmetrize", "grow"], "there is no 'grow'"),
        (["--symmetrize", "union", "--possible", "0.1"], "leave one of them out"),
        (["--model", "nowhere"], "there is no aligner"),
        (["--gold", "nowhere.wa"], "read the gold alignment"),
        (["--out", "links"], "this file exists already"),
    ],
)
def test_mistakes_are_told_in_three_lines(text, words, message):
    given = words if "--model" in words else [*words, "--model", "aligner"]
    done = typed("align", "lesson.source", "lesson.target", *given, cwd=text)
    said = done.stderr.decode()
    assert done.returncode == 2 and message in said and "Traceback" not in said
    assert len(said.strip().splitlines()) == 3


def test_gold_links_of_another_text_are_refused_before_anything_is_learned(text):
    (text / "other.wa").write_text("401 1 1 S\n")
    done = typed("align", *files(text), "--gold", text / "other.wa")
    assert done.returncode == 2 and b"there are 400" in done.stderr
    assert b"little to learn from" not in done.stderr


def test_tokens_are_those_of_the_translation_model(text):
    model = regard.load("en-fr")
    source, target = lines = "The cat 🙂 ate 3.5 kg.", "Le chat 🙂 a mangé 3,5 kg."
    for name, line in zip(("en", "fr"), lines, strict=True):
        (text / f"tokens.{name}").write_text(f"{line}\n", "utf-8")
    command = "align", text / "tokens.en", text / "tokens.fr", "--words", "tokens"
    done = typed(*command, "--model", "en-fr", "--format", "json")
    assert done.returncode == 0, done.stderr
    pair = json.loads(done.stdout)
    for side, vocabulary, line in zip(
        ("source", "target"), (model.source, model.target), lines, strict=True
    ):
        tokens = tokenize(vocabulary, line)
        assert pair[f"{side}_words"] == [list(token.span) for token in tokens]
    words = [pair["source_words"], pair["target_words"]]
    linked = {
        (source[slice(*words[0][left])], target[slice(*words[1][right])])
        for left, right, _ in pair["links"]
    }
    assert {(" cat", " chat"), ("3", "3")} <= linked
    done = typed(*command)
    assert done.returncode == 2 and b"give one with --model" in done.stderr


def test_texts_that_do_not_match_are_refused(text):
    (text / "short").write_text("Le chat.\n")
    done = typed("align", text / "lesson.source", text / "short")
    assert done.returncode == 2 and b"line 2 has a source but no translation" in done.stderr


def test_evaluate_measures_the_links_of_a_model(text):
    source, target = files(text)
    gold = text / "gold.wa"
    done = typed("evaluate", source, target, "--alignment", gold, "--beam", "1", "--json")
    assert done.returncode == 0, done.stderr
    [*_, quality] = json.loads(done.stdout)
    assert quality["name"] == "AER"
    assert 0 < quality["value"] < 60
    same = typed("align", source, target, "--model", "en-fr", "--gold", gold)
    assert f"AER {quality['value']:.2f}, {quality['signature']}" in same.stdout.decode()
    done = typed("evaluate", source, target, "--hypothesis", target, "--alignment", gold)
    assert done.returncode == 2
    assert b"--alignment has no effect" in done.stderr
