"""Every mistake that a user can make, and the three lines that each gets."""

import gzip
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from regard.cli import main
from regard.errors import RegardError

USER_IS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


class Place:
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


TRAIN = "train good.en good.fr --valid valid.en valid.fr --out new"
MISTAKES = {
    # what is typed: what must be said (parts of what, where and what to do)
    "train nothing.en good.fr --out new": ("no such file", "nothing.en", "check the path"),
    "train good.en short.fr --out new": ("but no translation", "600 lines", "same number of lines"),
    "train short.fr good.en --languages fr-en --out new": ("but no", "599 lines", "same number"),
    "train empty.en empty.fr --out new": ("empty", "empty.en", ""),
    "train blank.en blank.fr --out new": ("no pair", "blank", ""),
    "train wide.en good.fr --out new": ("UTF-16", "wide.en", "UTF-8"),
    "train cut.en.gz good.fr --out new": ("", "cut.en.gz", ""),
    "train noise.en.xz good.fr --out new": ("", "noise.en.xz", ""),
    "train keys.jsonl --languages en-fr --out new": ("'not a pair'", "keys", "source and target"),
    "train good.en good.fr --out new --valid-pairs some.txt": ("corpus", "some.txt", ".tsv"),
    "train odd.tmx --languages en-fr --out new": ("", "odd.tmx", ".tsv"),
    "train good.en good.fr valid.en --out new --languages en-fr": ("", "", ".tsv"),
    "train something good.fr --out new --languages en-fr": ("", "something", ""),
    "train few.en few.fr --out new": ("too few", "", "--valid"),
    f"{TRAIN} --valid-pairs odd.tsv": ("twice", "--valid-pairs", "one of the two"),
    f"{TRAIN} train.learning_rate=inf": ("finite", "command line", "learning_rate"),
    f"{TRAIN} train.threads=100000": ("1024", "command line", "train.threads"),
    "demo model.attention=uniform --out new": ("attention alone", "model.attention", "compare"),
    "train good.en --out new": ("a corpus is two text files", "good.en", "one file in .tsv"),
    "train good.en good.fr valid.en --out new": ("two text files", "valid.en", ".tsv"),
    "explain cat --model model --translation chat --beam 2": ("not searched", "--beam", "one of"),
    "train exists.txt exists.txt --out new": ("language", "exists.txt", "--languages"),
    "train good.en good.fr --out new --languages english": ("english", "", "en-fr"),
    "train --out new": ("no text", "command line", "two files"),
    "train train.updates=5 --out new": ("no text", "command line", "two files"),
    TRAIN + " model.atention=dot": ("no option 'atention'", "model", "'attention'"),
    TRAIN + " modle.attention=dot": ("no option 'modle'", "", "'model'"),
    TRAIN + " model.attention=dto": ("model.attention", "", "additive"),
    TRAIN + " train.updates=0": ("train.updates", "command line", "The default is"),
    TRAIN + " train.updates=many": ("train.updates", "command line", "The default is"),
    TRAIN + " vocabulary.size=10": ("vocabulary.size", "", "The default is"),
    TRAIN + " model.dropout_hidden=1.5": ("model.dropout_hidden", "", "The default is"),
    TRAIN + " model.heads=7 model.encoder_size=48": ("7 heads", "model.heads", "multiples"),
    TRAIN + " model.encoder_size=47": ("two directions", "model.encoder_size", "even"),
    "export nowhere --out a.regard": ("no such folder", "nowhere", "model.json"),
    "export model --out model.bin": ("does not end in", "--out", ".regard"),
    "export model --out exists.regard": ("exists", "exists.regard", "another --out"),
    "export model --out a.regard --calibration empty.en": ("no text", "empty.en", "sentences"),
    "translate good.en --model nowhere.regard": ("no such file", "nowhere.regard", "export"),
    "translate good.en --model good.regard": ("is damaged", "good.regard", "copy it again"),
    "translate good.en --model model --workers 2": ("are for files", "model", "export"),
    "translate good.en --model model --threads 2": ("are for files", "model", "export"),
    "translate packed.en --model model": ("compressed by zstd", "packed.en", "unpack"),
    "translate good.en --model en-fr --device cuda": ("on the CPU", "en-fr", "leave --device"),
    "translate good.en --model model --resume": ("needs a file", "--resume", "--out"),
    "translate good.en --model model --out odd.txt --resume": ("knows", "odd.txt", "remove it"),
    "translate good.en --model model --out .": ("no name of a file", "--out .", "--out FILE"),
    "translate - - --model model": ("read once", "the command line", "one -"),
    "evaluate - - --model model": ("read once", "the command line", "one -"),
    "evaluate good.en good.fr --model nowhere --out a.txt": ("no such folder", "nowhere", "train"),
    "export good.regard --out a.regard": ("a file already", "good.regard", "folder"),
    TRAIN + " --start-from good.regard": ("is damaged", "good.regard", "copy it again"),
    TRAIN + " --start-from nowhere": ("no such folder", "nowhere", "comes along"),
    TRAIN + " --start-from nowhere.regard": ("no such file", "nowhere.regard", "comes along"),
    TRAIN + " Model.attention=none": ("neither a file nor", "command line", "section.option"),
    TRAIN + " --config flat.toml": ("section of options, not 3", "flat.toml", "[train]"),
    "translate good.en missing.en --model model --out a.txt": ("no such", "missing.en", "path"),
    TRAIN + " model.attention=dot model.encoder_size=48": (
        "'dot'",
        "model.encoder_size",
        "general",
    ),
    TRAIN + " model.tie=all vocabulary.joint=false": ("share", "model.tie", "joint"),
    TRAIN + " train.device=tpu": ("no device 'tpu'", "", "cpu"),
    TRAIN + " --config missing.toml": ("no such file", "missing.toml", "check the path"),
    TRAIN + " --config bad.toml": ("not TOML", "bad.toml", "mend"),
    TRAIN + " --config unknown.toml": ("no option 'atention'", "", "'attention'"),
    TRAIN + " --config section.toml": ("no option 'modle'", "", "'model'"),
    TRAIN + " --config range.toml": ("train.updates", "range.toml", "The default is"),
    TRAIN.replace("good.en good.fr", "good.fr good.en") + " --languages fr-en --start-from model": (
        "translates en-fr",
        "model",
        "--languages en-fr",
    ),
    "train pipe good.fr --languages en-fr --out new": ("only once", "pipe", "to a file"),
    TRAIN + " vocabulary.size=3000000000": ("vocabulary.size", "", "The default is"),
    TRAIN + " --start-from hollow": ("no model here", "hollow", "model.json"),
    TRAIN.replace("new", "something"): ("holds no training run", "something", "--out"),
    TRAIN.replace("new", "exists.txt"): ("not a folder", "exists.txt", "--out"),
    TRAIN.replace("new", "exists.txt/deeper"): ("cannot", "exists.txt", ""),
    TRAIN.replace("new", "model"): ("this run began with", "run.json", "another --out"),
    "translate exists.txt --model nowhere": ("no such folder", "nowhere", "regard train"),
    "translate exists.txt --model hollow": ("no model here", "hollow", "model.json"),
    "translate exists.txt --model half": ("no weights yet", "half", "train"),
    "translate exists.txt --model cutmodel": ("damaged", "cutmodel", ""),
    "translate exists.txt --model later": ("format is 99", "later", "newer"),
    "translate missing.txt --model model": ("no such file", "missing.txt", "check the path"),
    "translate exists.txt --model model --out exists.txt": ("exists", "exists.txt", "--out"),
    "translate exists.txt --model model --device meta": ("no device 'meta'", "--device", "cpu"),
    "translate exists.txt --model model --device hpu": ("no device 'hpu'", "--device", "cpu"),
    "translate exists.txt --model model --device cuda:99": ("no device", "--device", "cpu"),
    "translate exists.txt --model model --device tpu": ("no device", "", "cpu"),
    "compare valid.en --vary attention --out new": ("two text files", "valid.en", "tsv"),
    "evaluate valid.en short.fr --model model": ("differ", "599", "same number"),
    "evaluate valid.en valid.fr --model model --hypothesis valid.fr": (
        "--model",
        "the command line",
        "leave out",
    ),
    "evaluate valid.en valid.fr --hypothesis few.fr": ("differ", "", ""),
    "evaluate valid.en valid.fr --model model --convention m30k": ("m30k", "", "multi30k"),
    "evaluate empty.en empty.fr --hypothesis empty.fr": ("", "", ""),
    "info nowhere": ("no such folder", "nowhere", ""),
    "info hollow": ("no model here", "hollow", ""),
    "info cutmodel": ("damaged", "cutmodel", ""),
    "demo --out exists.txt": ("cannot", "exists.txt", ""),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory, model, text):
    return Place(tmp_path_factory.mktemp("mistakes") / "here", model, text)


@pytest.fixture
def typed(place, monkeypatch, capfd):
    """Type a command; gives its exit code and what it wrote to standard error."""

    def run(command: str) -> tuple[int, str]:
        monkeypatch.chdir(place.folder)
        monkeypatch.setattr(sys, "argv", ["regard", *command.split()])
        with pytest.raises(SystemExit) as left:
            main()
        return left.value.code, capfd.readouterr().err

    return run


@pytest.mark.parametrize("command", MISTAKES)
def test_a_mistake_gets_its_three_lines_and_exit_code_2(command, typed):
    code, said = typed(command)
    assert code == 2, said
    assert "{" not in said and "Traceback" not in said
    if "Usage" in said:  # the command line itself was wrong
        return
    what, where, to_do = said.rstrip("\n").split("\n")[-3:]
    assert where.startswith("  where: ") and to_do.startswith("  to do: ")
    assert len(where) > 10 and len(to_do) > 12 and len(what) > 8
    for expected, line in zip(MISTAKES[command], (what, where, to_do), strict=True):
        assert expected in line


def test_a_mistake_that_is_mended_does_not_stick(place, typed):
    small = " model.embedding_size=8 model.encoder_size=8 model.decoder_size=8 vocabulary.size=600 train.updates=1"
    command = "train good.en short.fr --valid valid.en valid.fr --out mended" + small
    assert typed(command)[0] == 2
    assert typed(command.replace("short", "good"))[0] == 0


def test_no_mistake_has_changed_anything_that_existed(place):
    assert (place.folder / "exists.txt").read_text() == "keep me"
    assert (place.folder / "something" / "precious.txt").read_text() == "keep me"
    assert sorted(os.listdir(place.folder / "something")) == ["precious.txt"]


@pytest.mark.skipif(USER_IS_ROOT, reason="root may write everywhere")
def test_a_folder_without_permission_gets_its_three_lines(place, typed):
    locked = place.folder / "locked"
    locked.mkdir(mode=0o500)
    code, said = typed(TRAIN.replace("new", "locked/new"))
    assert code == 2 and "permission denied" in said


def test_a_full_disk_gets_its_three_lines(place, typed, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    code, said = typed(TRAIN.replace("new", "full"))
    assert code == 2 and "no space left" in said and "make room" in said


def test_changed_text_is_noticed_when_a_run_goes_on(place, typed):
    command = "train good.en good.fr --valid valid.en valid.fr --out began train.updates=1"
    small = " model.embedding_size=8 model.encoder_size=8 model.decoder_size=8 vocabulary.size=600 train.threads=1"
    done = subprocess.run(
        [sys.executable, "-m", "regard", *(command + small).split()],
        cwd=place.folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    valid = place.folder / "valid.fr"
    valid.write_text(valid.read_text("utf-8").replace("chat", "chien"), "utf-8")
    code, said = typed(command + small)
    assert code == 2 and "validation text 2 is not what this run began with" in said


def test_every_place_that_raises_an_error_gives_all_three_parts():
    import ast

    source = Path(sys.modules["regard"].__file__).parent
    found = 0
    for file in source.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "RegardError":
                found += 1
                assert len(node.args) == 3, f"{file}:{node.lineno}"
                for part in node.args:
                    is_plain = isinstance(part, ast.Constant)
                    assert not (is_plain and "{" in part.value), f"{file}:{node.lineno}"
    assert found > 30


def test_an_error_is_its_three_lines():
    error = RegardError("this happened", "there", "do that")
    assert str(error) == "this happened\n  where: there\n  to do: do that"
