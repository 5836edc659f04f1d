"""Every mistake that a user can make, and the three lines that each gets."""

import gzip
import json
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from regard.cli import main
from regard.errors import RegardError

USER_IS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


class Workplace:
    """A folder with good and bad files, and a way to type a command in it."""

    def __init__(self, folder: Path, model: Path, text) -> None:
        self.folder = folder
        shutil.copytree(model, folder / "model")
        for name, files in (("good", text.train), ("valid", text.valid)):
            for file, code in zip(files, ("en", "fr"), strict=True):
                shutil.copy(file, folder / f"{name}.{code}")
        lines = (folder / "good.en").read_bytes().splitlines(keepends=True)
        (folder / "short.fr").write_bytes(b"".join(lines[:-1]))
        (folder / "few.en").write_bytes(b"".join(lines[:5]))
        (folder / "few.fr").write_bytes(b"".join(reversed(lines[:5])))
        (folder / "empty.en").touch()
        (folder / "empty.fr").touch()
        (folder / "blank.en").write_text("\n\n")
        (folder / "blank.fr").write_text("\n\n")
        (folder / "wide.en").write_bytes("\ufeffa\n".encode("utf-16"))
        (folder / "cut.en.gz").write_bytes(gzip.compress(b"".join(lines))[:-20])
        (folder / "noise.en.xz").write_bytes(b"noise")
        (folder / "odd.tmx").write_text("<tmx/>")
        (folder / "bomb.tmx").write_text("<!DOCTYPE tmx [<!ENTITY a 'ha'>]><tmx>&a;</tmx>")
        (folder / "odd.parquet").write_bytes(b"noise")
        (folder / "noise.fr.zst").write_bytes(b"noise")
        (folder / "three.tsv").write_text(
            "a dog\tun chien\tein Hund\nMy cat\tmon chat\tdie Katze\n"
        )
        (folder / "paper.pdf").write_bytes(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
        (folder / "packed.en").write_bytes(b"\x28\xb5\x2f\xfd\x04\x00\xff\n")
        (folder / "keys.jsonl").write_text('{"from": "a", "to": "b"}\n' * 30)
        (folder / "bad.toml").write_text("[train\n")
        (folder / "unknown.toml").write_text("[model]\natention = 'dot'\n")
        (folder / "section.toml").write_text("[modle]\nattention = 'dot'\n")
        (folder / "range.toml").write_text("[train]\nupdates = 0\n")
        (folder / "flat.toml").write_text("train = 3\n")
        (folder / "something").mkdir()
        (folder / "something" / "precious.txt").write_text("keep me")
        (folder / "exists.txt").write_text("keep me")
        (folder / "odd.txt.part").write_text("keep me\nand me\n")
        (folder / "exists.regard").write_text("keep me")
        (folder / "good.regard").write_text("no model")
        os.mkfifo(folder / "pipe")
        (folder / "hollow").mkdir()
        half = folder / "half"
        shutil.copytree(folder / "model", half)
        (half / "model.safetensors").unlink()
        cut = folder / "cutmodel"
        shutil.copytree(folder / "model", cut)
        weights = (cut / "model.safetensors").read_bytes()
        (cut / "model.safetensors").write_bytes(weights[: len(weights) // 2])
        later = folder / "later"
        shutil.copytree(folder / "model", later)
        card = json.loads((later / "model.json").read_text())
        (later / "model.json").write_text(json.dumps(card | {"format": 99}))


SMALL = (
    " model.embedding_size=8 model.encoder_size=8 model.decoder_size=8 vocabulary.size=600"
    " train.updates=1 train.threads=1"
)
TRAIN = "train good.en good.fr --valid valid.en valid.fr --out new"
SWAPPED = "train good.fr good.en --valid valid.fr valid.en --out new"
USAGE = "for help"
"""In the advice of a mistake on the command line itself, where typer prints the usage."""
MISTAKES = {
    # command: words of what happened, where, and what to do; sorted by the name of the command
    "compare valid.en --vary attention --out new": ("no test text", "command line", "give --test"),
    "demo --out exists.txt": ("not a directory", "exists.txt", "choose another path"),
    "demo model.attention=uniform --out new": ("attention alone", "model.attention", "compare"),
    "evaluate - - --model model": ("read only once", "the command line", "give - at most once"),
    "evaluate empty.en empty.fr --hypothesis empty.fr": ("nothing to score", "0 lines", "one line"),
    "evaluate good.en": ("a corpus is two text files", "good.en", "one file in .tsv"),
    "evaluate keys.jsonl --model model": ("line 1 of the test", "keys.jsonl", "correct it"),
    "evaluate good.en good.fr --model nowhere --out a.txt": ("no such folder", "nowhere", "train"),
    "evaluate valid.en short.fr --model model": ("differ", "599", "same number"),
    "evaluate valid.en valid.fr --hypothesis few.fr": ("differ", "(5 lines)", "line by line"),
    "evaluate valid.en valid.fr --model model --convention m30k": (
        "m30k",
        "--convention",
        "multi30k",
    ),
    "evaluate valid.en valid.fr --model model --hypothesis valid.fr": (
        "--model",
        "the command line",
        "leave out",
    ),
    "explain cat --model model --attention source": (
        "no self-attention in its encoder",
        "--attention source",
        "Transformer",
    ),
    "explain cat --model model --layer 3": ("no layer 3: model has 1", "--layer", "1 to 1"),
    "explain cat --model model --head 2": ("no head 2: this layer has 1", "--head", "1 to 1"),
    "explain cat --model model --head 1 --json": ("all layers and heads", "--head", "leave"),
    "explain cat --model model --translation chat --beam 2": (
        "nothing is searched",
        "the command line",
        "one of",
    ),
    "export good.regard --out a.regard": ("folder is needed", "good.regard", "regard train --out"),
    "export model": ("Missing option", "--out", USAGE),
    "export model --out a.regard --calibration empty.en": ("no text", "empty.en", "sentences"),
    "export model --out a.regard --model-card bad.toml": ("not valid TOML", "bad.toml", "correct"),
    "export model --out a.regard --model-card blank.fr": ("card is empty", "blank.fr", "title = "),
    "export model --out exists.regard": ("exists", "exists.regard", "another --out"),
    "export model --out model.bin": ("does not end in", "--out", ".regard"),
    "export nowhere --out a.regard": ("no such folder", "nowhere", "model.json"),
    "info cutmodel": ("damaged", "cutmodel", "copy the original"),
    "info hollow": ("no model here", "hollow", "model.json"),
    "info nowhere": ("no such folder", "nowhere", "built-in model: en-fr"),
    "train --out new": ("no text", "command line", "two files"),
    "train blank.en blank.fr --out new": ("all 2 pairs", "blank.en, blank.fr", "lines 1, 2"),
    "train cut.en.gz good.fr --out new": ("damaged", "cut.en.gz, after line", "download it again"),
    "train empty.en empty.fr --out new": ("file is empty", "empty.en", "one text on each line"),
    "train exists.txt exists.txt --out new": ("language", "exists.txt", "--languages"),
    "train few.en few.fr --out new": ("too few", "training text", "--valid"),
    "train good.en --out new": ("a corpus is two text files", "good.en", "one file in .tsv"),
    "train good.en good.fr --out new --languages english": ("english", "--languages", "en-fr"),
    "train good.en good.fr --out new --valid-pairs some.txt": ("corpus", "some.txt", ".tsv"),
    "train good.en good.fr valid.en --out new": ("two text files", "valid.en", ".tsv"),
    "train good.en good.fr valid.en --out new --languages en-fr": (
        "two text files",
        "good.en, good.fr, valid.en",
        ".tsv",
    ),
    "train good.en short.fr --out new": ("but no translation", "600 lines", "same number of lines"),
    "train keys.jsonl --languages en-fr --out new": ("'not a pair'", "keys", "source and target"),
    "train noise.en.xz good.fr --out new": ("compression", "noise.en.xz", "compress"),
    "train nothing.en good.fr --out new": ("no such file", "nothing.en", "check the path"),
    "train odd.tmx --languages en-fr --out new": ("has no units", "odd.tmx", "<tu>"),
    "train bomb.tmx --languages en-fr --out new": ("an entity, 'a'", "bomb.tmx, line 1", "remove"),
    "train odd.parquet --languages en-fr --out new": ("damaged", "odd.parquet", "again"),
    "train something --languages en-fr --out new": ("no dataset", "something", "save_to_disk"),
    "train good.en noise.fr.zst --out new": ("compression", "noise.fr.zst", "compress"),
    "train pipe good.fr --languages en-fr --out new": ("only once", "pipe", "to a file"),
    "train short.fr good.en --languages fr-en --out new": ("but no", "599 lines", "same number"),
    "train something good.fr --out new --languages en-fr": ("is a directory", "something", "file"),
    "train three.tsv --out new --languages en-fr": ("3 columns, and 3", "three.tsv", "cut -f1,2"),
    "train train.updates=5 --out new": ("no text", "command line", "two files"),
    "train wide.en good.fr --out new": ("UTF-16", "wide.en", "UTF-8"),
    TRAIN + " --config bad.toml": ("not TOML", "bad.toml", "correct"),
    TRAIN + " --config flat.toml": ("section of options, not 3", "flat.toml", "[train]"),
    TRAIN + " --config missing.toml": ("no such file", "missing.toml", "check the path"),
    TRAIN + " --config range.toml": ("train.updates", "range.toml", "The default is"),
    TRAIN + " --config section.toml": ("no option 'modle'", "section.toml", "'model'"),
    TRAIN + " --config unknown.toml": ("no option 'atention'", "unknown.toml", "'attention'"),
    TRAIN + " --start-from good.regard": ("is damaged", "good.regard", "copy the original"),
    TRAIN + " --start-from hollow": ("no model here", "hollow", "model.json"),
    TRAIN + " --start-from nowhere": ("no such folder", "nowhere", "built-in model"),
    TRAIN + " --start-from nowhere.regard": ("no such file", "nowhere.regard", "built-in model"),
    TRAIN + " --valid-pairs odd.tsv": ("twice", "--valid-pairs", "one of the two"),
    TRAIN + " Model.attention=none": ("neither a file nor", "command line", "section.option"),
    TRAIN + " model.atention=dot": ("no option 'atention'", "model", "'attention'"),
    TRAIN + " model.attention=dot model.encoder_size=48": (
        "'dot'",
        "model.encoder_size",
        "general",
    ),
    TRAIN + " model.attention=dto": ("model.attention", "command line", "additive"),
    TRAIN + " model.dropout_hidden=1.5": ("model.dropout_hidden", "command", "The default is"),
    TRAIN + " model.encoder_size=47": ("two directions", "model.encoder_size", "even"),
    TRAIN + " model.heads=7 model.encoder_size=48": ("7 heads", "model.heads", "multiples"),
    TRAIN + " model.layer_type=self-attention": (
        "embeddings of 256 numbers",
        "model.encoder_size, model.decoder_size",
        "model.encoder_size=256 model.decoder_size=256",
    ),
    TRAIN + " model.decoder_layer_type=self-attention": (
        "embeddings of 256 numbers",
        "model.decoder_size",
        "model.decoder_size=256",
    ),
    TRAIN + " model.encoder_layer_type=self-attention model.encoder_size=256"
    " model.self_attention_heads=3": ("3 heads", "model.self_attention_heads", "256"),
    TRAIN + " model.encoder_feed_forward_size=-1": (
        "model.encoder_feed_forward_size",
        "command line",
        "The default is auto",
    ),
    TRAIN + " model.tie=all vocabulary.joint=false": ("share", "model.tie", "joint"),
    TRAIN + " modle.attention=dot": ("no option 'modle'", "command line", "'model'"),
    TRAIN + " train.device=tpu": ("no device 'tpu'", "train.device", "cpu"),
    TRAIN + " train.learning_rate=inf": ("finite", "command line", "learning_rate"),
    TRAIN + " train.threads=100000": ("1024", "command line", "train.threads"),
    TRAIN + " train.updates=0": ("train.updates", "command line", "The default is"),
    TRAIN + " train.updates=many": ("train.updates", "command line", "The default is"),
    TRAIN + " vocabulary.size=10": ("vocabulary.size", "command line", "The default is"),
    TRAIN + " vocabulary.size=3000000000": ("vocabulary.size", "command line", "The default is"),
    TRAIN.replace("valid.en valid.fr", "valid.fr valid.en"): (
        "the wrong way round",
        "valid.fr valid.en, for a training text in en-fr",
        "the file in en first",
    ),
    SWAPPED + " --languages fr-en --start-from model": (
        "translates en-fr",
        "model",
        "--languages en-fr",
    ),
    TRAIN.replace("new", "exists.txt"): ("not a folder", "exists.txt", "--out"),
    TRAIN.replace("new", "exists.txt/deeper"): ("cannot", "exists.txt", "another path"),
    TRAIN.replace("new", "model"): ("this run began with", "run.json", "another --out"),
    TRAIN.replace("new", "something"): ("no training run to resume", "something", "--out"),
    "translate - - --model model": ("read only once", "the command line", "give - at most once"),
    "translate exists.txt --model cutmodel": ("damaged", "cutmodel", "copy the original"),
    "translate exists.txt --model half": ("no weights yet", "half", "train"),
    "translate exists.txt --model hollow": ("no model here", "hollow", "model.json"),
    "translate exists.txt --model later": ("has format 99", "later", "newer"),
    "translate exists.txt --model model --device cuda:99": ("no device", "--device", "cpu"),
    "translate exists.txt --model model --device hpu": ("no device 'hpu'", "--device", "cpu"),
    "translate exists.txt --model model --device meta": ("no device 'meta'", "--device", "cpu"),
    "translate exists.txt --model model --device tpu": ("no device", "--device", "cpu"),
    "translate exists.txt --model model --out exists.txt": ("exists", "exists.txt", "--out"),
    "translate exists.txt --model nowhere": ("no such folder", "nowhere", "regard train"),
    "translate good.en --format pdf": ("'pdf' is not", "--format", "'html'"),
    "translate good.en --format xml --n-best 2": ("lines of text", "--n-best", "--format"),
    "translate good.en --model en-fr --device cuda": ("on the CPU", "en-fr", "leave --device"),
    "translate good.en --model good.regard": ("is damaged", "good.regard", "copy the original"),
    "translate good.en --model model --n-best 0": ("0 is not in the range", "--n-best", USAGE),
    "translate good.en --model model --out .": ("not the name of a file", "--out .", "--out FILE"),
    "translate good.en --model model --out odd.txt": ("unfinished", "odd.txt.part", "--resume"),
    "translate good.en --model model --out odd.txt --resume": (
        "odd.txt.part.json is missing",
        "odd.txt",
        "remove it",
    ),
    "translate good.en --model model --resume": ("needs an output", "--resume", "--out"),
    "translate good.en --model model --threads 2": ("threads", "model", "export"),
    "translate good.en --model model --workers 2": ("workers", "model", "export"),
    "translate good.en --model nowhere.regard": ("no such file", "nowhere.regard", "export"),
    "translate good.en missing.en --model model --out a.txt": ("no such", "missing.en", "path"),
    "translate missing.txt --model model": ("no such file", "missing.txt", "check the path"),
    "translate paper.pdf --model model": ("is a PDF", "paper.pdf", ".txt file in UTF-8"),
    "translate packed.en --model model": ("with zstd", "packed.en", "decompress"),
}


@pytest.fixture(scope="module")
def workplace(tmp_path_factory, model, text):
    return Workplace(tmp_path_factory.mktemp("mistakes") / "here", model, text)


@pytest.fixture
def typed(workplace, monkeypatch, capfd):
    """Type a command; gives its exit code and what it wrote to standard error."""

    def run(command: str) -> tuple[int, str]:
        monkeypatch.chdir(workplace.folder)
        monkeypatch.setattr(sys, "argv", ["regard", *command.split()])
        with pytest.raises(SystemExit) as left:
            main()
        return left.value.code, capfd.readouterr().err

    return run


def test_every_mistake_has_three_expectations_that_say_something():
    for command, expected in MISTAKES.items():
        assert len(expected) == 3 and all(len(words) > 2 for words in expected), command


@pytest.mark.parametrize("command", MISTAKES)
def test_a_mistake_gets_its_three_lines_and_exit_code_2(command, typed):
    code, said = typed(command)
    assert code == 2, said
    assert "{" not in said and "Traceback" not in said
    if "Usage" in said:  # typer's own message
        assert "regard " + command.split()[0] in said
        assert all(words in said for words in MISTAKES[command]), said
        return
    what, where, to_do = said.rstrip("\n").split("\n")[-3:]
    assert where.startswith("  where: ") and to_do.startswith("  to do: ")
    assert len(where) > 10 and len(to_do) > 12 and len(what) > 8
    for expected, line in zip(MISTAKES[command], (what, where, to_do), strict=True):
        assert expected in line


def test_a_mistake_that_was_corrected_has_no_effect(workplace, typed):
    command = "train good.en short.fr --valid valid.en valid.fr --out corrected" + SMALL
    assert typed(command)[0] == 2
    assert typed(command.replace("short", "good"))[0] == 0


def test_no_mistake_has_changed_anything_that_existed(workplace):
    assert (workplace.folder / "exists.txt").read_text() == "keep me"
    assert (workplace.folder / "something" / "precious.txt").read_text() == "keep me"
    assert sorted(os.listdir(workplace.folder / "something")) == ["precious.txt"]


@pytest.mark.skipif(USER_IS_ROOT, reason="root may write everywhere")
def test_a_folder_without_permission_gets_its_three_lines(workplace, typed):
    locked = workplace.folder / "locked"
    locked.mkdir(mode=0o500)
    code, said = typed(TRAIN.replace("new", "locked/new"))
    assert code == 2 and "permission denied" in said


def test_a_full_disk_gets_its_three_lines(workplace, typed, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    code, said = typed(TRAIN.replace("new", "full"))
    assert code == 2 and "no space left" in said and "free space" in said


def test_changed_text_is_noticed_when_a_run_is_resumed(workplace, typed):
    command = "train good.en good.fr --valid valid.en valid.fr --out began"
    done = subprocess.run(
        [sys.executable, "-m", "regard", *(command + SMALL).split()],
        cwd=workplace.folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    valid = workplace.folder / "valid.fr"
    valid.write_text(valid.read_text("utf-8").replace("chat", "chien"), "utf-8")
    code, said = typed(command + SMALL)
    assert code == 2 and "validation text 2 is not what this run began with" in said


def test_every_error_in_the_source_has_all_three_parts():
    import ast

    source = Path(sys.modules["regard"].__file__).parent
    count = 0
    for file in source.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "RegardError":
                count += 1
                assert len(node.args) == 3, f"{file}:{node.lineno}"
                for part in node.args:
                    is_plain = isinstance(part, ast.Constant)
                    assert not (is_plain and "{" in part.value), f"{file}:{node.lineno}"
    assert count > 30


def test_an_error_is_its_three_lines():
    error = RegardError("this happened", "there", "do that")
    assert str(error) == "this happened\n  where: there\n  to do: do that"


def test_an_error_is_the_same_in_another_process():
    error = pickle.loads(pickle.dumps(RegardError("this happened", "there", "do that")))
    assert isinstance(error, RegardError) and error.args == (str(error),)
    assert (error.what, error.where, error.to_do) == ("this happened", "there", "do that")
