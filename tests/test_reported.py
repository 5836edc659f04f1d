"""What users of other programs reported: each situation, tried here.

The issues are named in the docstrings, by repository and number.
"""

import re
from pathlib import Path

import pytest

import regard
from conftest import Text, tiny
from regard.cli import main
from regard.data.corpus import open_corpus
from regard.data.formats import guess_languages
from regard.data.formats.kinds import subtitle_warning
from regard.data.formats.lines import read_texts
from regard.errors import RegardError
from regard.evaluation import bleu
from regard.lesson.corpus import split_lesson
from regard.text.languages import parse_languages
from regard.training import loop
from regard.training.report import NoReport, Validated

SHORT = tiny(updates=2, validate_every=2)


class Messages(NoReport):
    """Keeps what a run says."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.validations: list[Validated] = []

    def message(self, line: str) -> None:
        self.lines.append(line)

    def validated(self, validation: Validated) -> None:
        self.validations.append(validation)


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Text:
    return Text(tmp_path_factory.mktemp("small"), split_lesson(200, 20, seed=5))


@pytest.fixture
def run(tmp_path):
    """Train for a moment; gives what was said."""

    def train(files, valid=(), languages="", settings=SHORT) -> list[str]:
        said = Messages()
        regard.train(files, tmp_path / "model", valid, languages, settings, "", said)
        return said.lines

    return train


@pytest.fixture
def typed(monkeypatch, capfd):
    """Type a command that ends well; gives what it wrote to standard error."""

    def type_in(*words: object) -> str:
        monkeypatch.setattr("sys.argv", ["regard", *map(str, words)])
        with pytest.raises(SystemExit) as left:
            main()
        said = capfd.readouterr().err
        assert left.value.code in (0, None), said
        return said

    return type_in


def told(lines: list[str], words: str) -> bool:
    return any(words in line and "\n" not in line for line in lines)


def test_with_little_text_training_goes_on_while_the_loss_falls(small, tmp_path, monkeypatch):
    """nyu-dl/dl4mt-tutorial#71"""
    noise = iter([0.01, 0.05, *[0.0] * 20])
    monkeypatch.setattr(loop, "bleu", lambda *_: next(noise))
    settings, said = tiny(updates=16, validate_every=2, patience=3, warmup=16), Messages()
    outcome = regard.train(small.train, tmp_path / "m", small.valid, "", settings, "", said)
    losses = [validation.loss for validation in said.validations]
    assert outcome.reason == "all updates are done" and len(losses) == 8
    assert losses[outcome.best_update // 2 - 1] == min(losses) < losses[1]


@pytest.mark.parametrize("first", ["{n}", "0.{n}"])
def test_a_table_whose_first_columns_are_no_text_is_learned_from_its_texts(
    run, small, tmp_path, first
):
    """huggingface/sentence-transformers#1509"""
    texts = zip(*map(read_texts, small.train), strict=True)
    rows = [f"{first.format(n=n + 10)}\t{a}\t{n + 5}\t{b}\n" for n, (a, b) in enumerate(texts)]
    table = tmp_path / "pairs.en-fr.tsv"
    table.write_text("".join(rows), "utf-8")
    said = run([table], small.valid)
    assert told(said, "pairs.en-fr.tsv: the texts are read from columns 2 and 4 of 4")
    pair = open_corpus(tmp_path / "model/training/corpus").pair(0)
    assert pair == (rows[0].split("\t")[1], rows[0].split("\t")[3].strip())


def test_validation_files_the_wrong_way_round_are_refused(run, small):
    """facebookresearch/fairseq#360"""
    with pytest.raises(RegardError, match="the validation files are the wrong way round"):
        run(small.train, small.valid[::-1])


@pytest.mark.parametrize(
    ("order", "languages", "named"), [(-1, "en-fr", "fr-en"), (1, "de-es", "en-fr")]
)
def test_languages_that_the_names_contradict_are_told(run, small, order, languages, named):
    """mjpost/sacrebleu#112"""
    said = run(small.train[::order], small.valid[::order], languages)
    assert told(said, f"show {named}, and the languages are {languages}")
    assert told(said, "training text: by a sample, the source is in")
    assert told(said, "validation text: by a sample, the source is in")


def test_test_files_the_wrong_way_round_are_told(typed, model, text):
    """facebookresearch/fairseq#360"""
    right = typed("evaluate", *text.valid, "--model", model)
    assert "show" not in right and "sample" not in right
    for more in ([], ["--hypothesis", text.valid[0], "--languages", "en-fr"]):
        words = more or ["--model", model]
        said = typed("evaluate", *text.valid[::-1], *words)
        assert "valid.fr and valid.en show fr-en, and the languages are en-fr" in said
        assert "test text: by a sample, the source is in fr" in said


@pytest.mark.parametrize("code", ["zho_Hans", "zho", "cmn", "yue", "jpn", "kor", "lo", "km", "bo"])
def test_a_right_translation_without_spaces_scores_100_whatever_its_code(code):
    """facebookresearch/fairseq#4689, mjpost/sacrebleu#165"""
    texts = ["今天天气很好，我们去公园吧。", "猫坐在垫子上。"]
    assert bleu(texts, texts, code) == pytest.approx(100.0)
    assert 0 < bleu(["猫坐在那个垫子上。"], ["猫坐在垫子上。"], code) < 100


def test_lines_of_old_macs_are_read(run, small, tmp_path):
    """karpathy/char-rnn#171"""
    files = [tmp_path / "mac.en", tmp_path / "mac.fr"]
    for file, mac in zip(small.train, files, strict=True):
        mac.write_bytes(file.read_bytes().replace(b"\n", b"\r"))
    assert told(run(files, small.valid), "read 200 pairs, kept 200")


def test_a_warm_up_longer_than_the_run_is_told(run, small):
    """marian-nmt/marian#302"""
    settings = tiny(updates=2, warmup=400)
    assert told(run(small.train, small.valid, "", settings), "train.warmup is 400 of 2 updates")
    assert not told(run(small.train, small.valid, "", settings), "train.warmup")  # resumed


def test_codes_of_languages_are_read_as_other_tools_write_them(run, small, tmp_path):
    """Helsinki-NLP/OPUS-CAT#22"""
    for text in ("EN-FR", "en_fr", "eng_Latn-fra_Latn"):
        assert parse_languages(text) == ("en", "fr")
    assert parse_languages("es-419-en") == ("es-419", "en")
    assert guess_languages([Path("train.EN"), Path("train.fra_Latn")]) == ("en", "fr")
    run(small.train, small.valid, "EN-FR")
    assert regard.load(tmp_path / "model").languages == ("en", "fr")


def test_the_same_file_twice_is_told_with_the_option_that_decides(run, small):
    """tensorflow/nmt#445"""
    twice = [small.train[0]] * 2
    with pytest.raises(RegardError, match="200 as 'identical'") as refused:
        run(twice, languages="en-en")
    assert "two different files, or data.drop_identical=false" in refused.value.to_do


def test_paraphrases_in_one_language_are_learned(run, small, tmp_path):
    """tensorflow/nmt#445"""
    lines = list(read_texts(small.train[0]))
    again = tmp_path / "again.en"
    again.write_text("".join(f"{line} Yes.\n" for line in lines[:-1]) + f"{lines[-1]}\n", "utf-8")
    said = run([small.train[0], again], languages="en-en")
    assert told(said, "dropped 1 pair: identical (line 200; option data.drop_identical)")
    assert not told(said, "by a sample")


def test_validation_text_that_is_in_the_training_text_is_told(run, small, tmp_path):
    """tensorflow/nmt#445"""
    assert not told(run(small.train, small.valid), "are in the training text")
    valid = [tmp_path / "known.en", tmp_path / "known.fr"]
    for known, train, new in zip(valid, small.train, small.valid, strict=True):
        lines = [*list(read_texts(train))[:15], *list(read_texts(new))[:5]]
        known.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    said = Messages()
    regard.train(small.train, tmp_path / "other", valid, "", SHORT, "", said)
    assert told(said.lines, "15 of 20 validation pairs (75%) are in the training text")


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "the file is a PDF"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "the file is a picture"),
        (b"PK\x03\x04\xff[Content_Types].xml", "the file is an office document"),
        ("A text.\n".encode("utf-16-le"), "the text is UTF-16 or UTF-32"),
    ],
)
def test_a_document_is_refused_before_anything_is_learned_or_translated(
    run, small, tmp_path, content, kind
):
    """LibreTranslate/LibreTranslate#683"""
    file = tmp_path / "document.en"
    file.write_bytes(content * 30)
    with pytest.raises(RegardError, match=kind):
        next(read_texts(file))
    with pytest.raises(RegardError, match=kind):
        run([file, small.train[1]])


def test_a_subtitle_file_is_told():
    """LibreTranslate/LibreTranslate#758"""
    lines = ["1", "00:00:02,830 --> 00:00:05,560", "<i>Hello.</i>"]
    for name, first in (("talk.srt", []), ("talk.vtt", []), ("-", lines)):
        assert "is translated as plain lines" in subtitle_warning(Path(name), first)
    assert not subtitle_warning(Path("talk.txt"), ["Hello."])


# Text as people type it, through the built-in model


@pytest.fixture(scope="module")
def builtin():
    return regard.load()


def same_words(one: str, other: str) -> bool:
    return one.casefold().split() == other.casefold().split()


@pytest.mark.parametrize(
    "line", ["THE SHOP OPENS AT TEN.", "EXIT ONLY", "DO NOT SIT ON THE TABLE."]
)
def test_a_line_in_capitals_is_the_translation_of_the_line_in_small_letters(builtin, line):
    """LibreTranslate/LibreTranslate#710, argosopentech/argos-translate#310"""
    capitals, small = (one.text for one in builtin.translate([line, line.capitalize()]))
    assert capitals == capitals.upper() and same_words(capitals, small)


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("Release 1.20.3 is the last one.", ["1.20.3"]),  # argosopentech/argos-translate#499
        ("A ticket is 8 € or 7 £.", ["8", "€", "7", "£"]),  # mozilla/translations#577
        # mozilla/translations#1424, marian-nmt/marian#123
        ("See https://docs.example.net/en/start?tab=2#top for more.", ["tab=2#top "]),
        ("Write to john.smith@mail.example.com today.", ["john.smith@mail.example.com"]),
        ("Open the file /etc/app/settings.json now.", ["/etc/app/settings.json"]),
        # LibreTranslate/LibreTranslate#439, #733
        ("We like this song 🎵", ["🎵"]),
        ("🎉 We won the game!", ["🎉"]),
    ],
)
def test_what_is_no_language_is_in_the_translation_once(builtin, line, kept):
    [found] = builtin.translate([line])
    assert all(found.text.count(part) == line.count(part) for part in kept), found.text
    assert found.text != line


@pytest.mark.parametrize(
    ("line", "plain"),
    [
        (
            "She&apos;s at home &amp; he isn&#39;t.",
            "She's at home &amp; he isn't.",
        ),  # sacremoses#27
        ("The win\u00addow is o\u00adpen.", "The window is open."),  # bergamot-translator#337
        ("“The door is open”, she said.", '"The door is open", she said.'),  # translations#1418
        ("the ﬂower and the ﬁre", "the flower and the fire"),
        ("I can’t wait…", "I can't wait..."),
    ],
)
def test_signs_that_look_alike_are_read_alike(builtin, line, plain):
    """hplt-project/sacremoses#27, browsermt/bergamot-translator#337, mozilla/translations#1418"""
    odd, usual = (one.text for one in builtin.translate([line, plain]))
    assert odd == usual


def test_a_line_of_50000_letters_is_passed_over(builtin):
    """Actual-Chat/actual-chat#3126"""
    for line in ("x" * 50_000, "base64," + "iVBORw0KGgo" * 4500, "漢" * 50_000):
        [found] = builtin.translate([line])
        assert (found.text, found.sentences) == (line, ())


def test_a_long_line_is_cut_into_sentences_that_the_model_knows(builtin):
    words = ("the dog and the cat and " * 400).strip()
    longest = max(
        len(builtin.source.encode([one.text.text])[0]) for one in builtin.pipeline.read(words)
    )
    assert longest <= builtin.pipeline.longest


def test_text_that_is_wrapped_at_a_fixed_width_can_be_joined(model, tmp_path, capfd, monkeypatch):
    """LibreTranslate/LibreTranslate#610"""
    file = tmp_path / "wrapped.txt"
    file.write_text("The dog sees\nthe cat.\n\nThe cat sleeps.\n", "utf-8")
    joined = tmp_path / "joined.txt"
    joined.write_text("The dog sees the cat.\n\nThe cat sleeps.\n", "utf-8")
    outputs = []
    for words in ([file, "--paragraphs"], [joined]):
        monkeypatch.setattr(
            "sys.argv", ["regard", "translate", *map(str, words), "--model", str(model)]
        )
        with pytest.raises(SystemExit):
            main()
        outputs.append(capfd.readouterr().out)
    assert outputs[0] == outputs[1] and outputs[0].count("\n") == 3


@pytest.mark.parametrize(
    ("line", "protected"),
    [
        ("I want Tom to have a job that he loves.", "Tom"),
        ("We met in Berlin in 2012.", "Berlin|2012"),
        ("TOM AND MARY ARE IN BOSTON.", "BOSTON|TOM"),
    ],
)
def test_a_protected_word_that_the_model_writes_by_itself_changes_nothing(builtin, line, protected):
    [plain], [found] = (one.translate([line]) for one in (builtin, builtin.protecting(protected)))
    assert found.text == plain.text
    copied = [line[slice(*span.source)] for span in found.copied]
    assert copied == [found.text[slice(*span.target)] for span in found.copied]
    assert copied == re.findall(protected, line)


def test_a_protected_word_that_the_model_translates_is_copied_instead(builtin):
    [found] = builtin.protecting("house").translate(["My house is on fire."])
    assert re.findall(r"\bhouse\b", found.text) == ["house"]
