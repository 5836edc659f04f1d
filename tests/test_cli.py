"""The laws of the command line, typed as a user types."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands import typed
from conftest import needs_posix
from regard.cli import translate as translating
from regard.config import options
from regard.errors import RegardError
from regard.lesson.corpus import EXAMPLE, examples

COMMANDS = (
    "train",
    "translate",
    "align",
    "evaluate",
    "compare",
    "explain",
    "explore",
    "export",
    "info",
    "demo",
)


USAGES = {
    "train": "SOURCE TARGET [OPTION=VALUE ...]",
    "translate": "[FILE ...]",
    "align": "SOURCE TARGET",
    "evaluate": "SOURCE REFERENCE",
    "compare": "[SOURCE TARGET [OPTION=VALUE ...]]",
    "explain": "TEXT",
    "explore": "",
    "export": "MODEL",
    "info": "[MODEL]",
    "demo": "[OPTION=VALUE ...]",
}


@pytest.mark.parametrize("command", COMMANDS)
def test_help_teaches_with_an_example(command):
    done = typed(command, "--help", COLUMNS="100")
    said = done.stdout.decode()
    assert done.returncode == 0
    (usage,) = (line.strip() for line in said.splitlines() if "Usage:" in line)
    assert usage.endswith(f"regard {command} [OPTIONS] {USAGES[command]}".strip())
    examples = said.split("Example", 1)[1]
    assert f"regard {command} " in examples


def test_lines_in_are_lines_out_in_order(model):
    lines = ["", *(one.source for one in examples(12, 8)), "", "a\u2028b", "  "]
    done = typed("translate", "--model", model, given="".join(f"{line}\n" for line in lines))
    assert done.returncode == 0, done.stderr
    found = done.stdout.decode().split("\n")
    assert found[-1] == "" and len(found) == len(lines) + 1
    empty = [number for number, line in enumerate(found[:-1]) if not line.strip()]
    assert empty == [0, 13, 15] and found[15] == lines[15]


def test_standard_output_holds_nothing_but_results(model, tmp_path):
    (tmp_path / "in.txt").write_text(EXAMPLE.source + "\n")
    done = typed("translate", tmp_path / "in.txt", "--model", model, "--json")
    answer = json.loads(done.stdout)
    assert answer["source"] == EXAMPLE.source
    names = {"text", "log_prob", "finish_reason", "source_words", "copied", "warnings"}
    assert set(answer["translations"][0]) == names
    to_file = typed("translate", tmp_path / "in.txt", "--model", model, "--out", tmp_path / "out")
    assert to_file.stdout == b""
    assert (tmp_path / "out").read_text("utf-8").rstrip("\n") == answer["translations"][0]["text"]


def test_n_best_gives_so_many_lines_a_line(model):
    done = typed(
        "translate", "--model", model, "--n-best", 3, given=f"{EXAMPLE.source}\n\nA cat.\n"
    )
    rows = [line.split("\t") for line in done.stdout.decode().splitlines()]
    assert [row[0] for row in rows] == ["1", "1", "1", "2", "3", "3", "3"]
    for number in "13":
        own = [row for row in rows if row[0] == number]
        assert len({row[2] for row in own}) == 3


def test_the_figure_of_evaluate_is_that_of_its_own_translations(model, text, tmp_path):
    out = tmp_path / "found.fr"
    with_model = typed("evaluate", *text.valid, "--model", model, "--out", out, "--json")
    ready = typed("evaluate", *text.valid, "--hypothesis", out, "--json")
    assert json.loads(with_model.stdout) == json.loads(ready.stdout)
    table = typed("evaluate", *text.valid, "--model", model).stdout.decode()
    assert "BLEU" in table and "version:" in table


@pytest.mark.parametrize(
    "options", [["--model", "m"], ["--beam", 3], ["--device", "cpu"], ["--out", "new.fr"]]
)
def test_evaluate_refuses_what_a_ready_translation_has_no_use_for(options, text):
    done = typed("evaluate", *text.valid, "--hypothesis", text.valid[1], *options)
    assert done.returncode == 2 and options[0] in done.stderr.decode()


def test_evaluate_scores_what_translate_writes(model, tmp_path):
    two = f"{EXAMPLE.source} {EXAMPLE.source}\n"
    (tmp_path / "in.en").write_text(two)
    (tmp_path / "in.fr").write_text(f"{EXAMPLE.target}\n")
    files = tmp_path / "in.en", tmp_path / "in.fr"
    for option in ([], ["--no-sentence-splitting"]):
        out = tmp_path / f"out{len(option)}.fr"
        typed("evaluate", *files, "--model", model, "--out", out, *option)
        written = typed("translate", "--model", model, *option, given=two).stdout
        assert out.read_bytes() == written
    assert (tmp_path / "out0.fr").read_bytes() != (tmp_path / "out1.fr").read_bytes()


def test_info_prints_what_a_model_is(model):
    content = json.loads(typed("info", model, "--json").stdout)
    assert content["languages"] == "en-fr"
    assert content["parameters"] > 10_000
    assert content["quality"]["validation"]["pairs"] == 40
    assert "attention" in typed("info", model).stdout.decode()


def test_the_options_are_listed_with_their_reasons():
    done = typed("train", "--options")
    assert done.returncode == 0
    said = done.stdout.decode().split()
    for option in options():
        assert option.name in said and len(option.description) > 10
        assert set(option.description.split()) <= set(said)
    assert {"inverse-sqrt.", "unidirectional.", "lstm,", "gru,", "bf16,"} <= set(said)
    in_20_columns = typed("train", "--options", COLUMNS="20").stdout.decode().split()
    assert all(option.name in in_20_columns for option in options())


@needs_posix
def test_a_prefix_that_is_not_utf8_is_repaired_as_text_in_files_is(model):
    known = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    words = ["translate", "--model", model, "--prefix", "d\udce9jà", "--json"]
    done, plain = typed(*words, given="A cat.\n", **known), typed(*words, given="A cat.\n")
    assert done.stdout == plain.stdout, done.stderr
    assert json.loads(done.stdout)["translations"][0]["text"].startswith("d\ufffdjà")


@needs_posix
def test_a_reader_that_stops_reading_is_no_error(model, tmp_path):
    (tmp_path / "in.txt").write_text("a\n" * 3000)
    command = f"{sys.executable} -m regard translate in.txt --model {model} --beam 1 | head -n 1"
    done = subprocess.run(
        ["bash", "-c", f"{command}; exit ${{PIPESTATUS[0]}}"],
        capture_output=True, check=False, cwd=tmp_path, text=True,
    )  # fmt: skip
    assert done.returncode == 1 and not done.stderr


@pytest.fixture(scope="module")
def file(model, tmp_path_factory):
    out = tmp_path_factory.mktemp("exported") / "model.regard"
    done = typed("export", model, "--out", out)
    assert done.returncode == 0 and b"MB, int8" in done.stderr, done.stderr
    return out


def test_a_file_is_a_model_everywhere(file, model, text, tmp_path):
    content = json.loads(typed("info", file, "--json").stdout)
    assert content["precision"] == "int8" and content["languages"] == "en-fr"
    of_folder = json.loads(typed("info", model, "--json").stdout)
    assert content["parameters"] == of_folder["parameters"]
    assert content["quality"] == of_folder["quality"]
    done = typed("evaluate", *text.valid, "--model", file, "--json")
    assert json.loads(done.stdout)[0]["name"] == "BLEU", done.stderr
    again = typed("export", model, "--out", file)
    assert again.returncode == 2 and b"exists" in again.stderr
    unnamed = typed("export", model, "--out", tmp_path / "model.bin")
    assert unnamed.returncode == 2 and b".regard" in unnamed.stderr
    missing = typed("export", tmp_path / "nowhere", "--out", tmp_path / "a.regard")
    assert missing.returncode == 2 and not (tmp_path / "a.regard").exists()


def until(is_so):
    """Wait for another process."""
    deadline = time.monotonic() + 120
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert is_so()


def begun(command, out, text):
    """The record of a `command` on this text that was killed before it renamed its output."""
    code = "from regard.cli import main\nfrom regard.shards import partial_output as p\n"
    code += "p.PartialOutput.finish = lambda _: 0; main()"
    command[1].write_text(text, "utf-8")
    words = map(str, (*command, "--out", out))
    subprocess.run([sys.executable, "-c", code, *words], check=True, capture_output=True)
    return out.with_name(out.name + ".part.json")


@pytest.mark.parametrize("more", [(), ("--n-best", 2), ("--json",)], ids=str)
def test_a_file_cut_anywhere_is_resumed_without_a_lost_or_doubled_line(file, tmp_path, more):
    command = "translate", tmp_path / "in.txt", "--model", file, "--beam", 2, *more
    lines = [*(one.source for one in examples(9, 3)), "", "One cat . The dog ."]
    asked = begun(command, tmp_path / "cut", "".join(f"{line}\n" for line in lines)).read_bytes()
    assert typed(*command, "--out", tmp_path / "whole").returncode == 0
    whole = (tmp_path / "whole").read_bytes()
    cuts = [0, 1, len(whole) // 3, len(whole) - 1, len(whole), len(whole) // 2]
    for cut in cuts[-1:] if more else cuts:
        (tmp_path / "cut").unlink(missing_ok=True)
        (tmp_path / "cut.part").write_bytes(whole[:cut])
        (tmp_path / "cut.part.json").write_bytes(asked)
        if cut == cuts[-1]:
            refused = typed(*command, "--out", tmp_path / "cut")
            assert refused.returncode == 2 and b"add --resume" in refused.stderr
        done = typed(*command, "--out", tmp_path / "cut", "--resume")
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "cut").read_bytes() == whole
        assert [each.name for each in tmp_path.glob("cut*")] == ["cut"]
    again = typed(*command, "--out", tmp_path / "cut", "--resume")
    assert again.returncode == 0 and b"complete already" in again.stderr


def test_what_was_begun_with_another_command_or_text_is_not_resumed(file, tmp_path):
    text, out = tmp_path / "in.txt", tmp_path / "out"
    command = "translate", text, "--model", file, "--out", out
    begun(("translate", text, "--model", file, "--n-best", 2), out, "The cat .\n" * 3)
    part = tmp_path / "out.part"
    part.write_text("1\t-1.0\tLe chat .\n1\t-2.0\tUn chat .\n")
    for more, other in (
        ((), b"n_best 2, not 1"),
        (("--n-best", 3), b"n_best 2, not 3"),
        (("--n-best", 2, "--json"), b"as_json False, not True"),
        (("--n-best", 2, "--prefix", "Un"), b"prefix '', not 'Un'"),
        (("--n-best", 2, "--shortlist"), b"shortlist False, not True"),
    ):
        refused = typed(*command, *more, "--resume")
        assert refused.returncode == 2 and other in refused.stderr, refused.stderr
    part.write_text("".join(f"{line}\t-1.0\tLe chat .\n" for line in range(1, 9)))
    refused = typed(*command, "--n-best", 2, "--resume")
    assert b"7 lines were translated before, and the input has only 3" in refused.stderr
    text.write_text("The dog .\n" * 3, "utf-8")
    refused = typed(*command, "--n-best", 2, "--resume")
    assert b"begun with text [" in refused.stderr
    (tmp_path / "out.part.json").write_text("[]")
    refused = typed(*command, "--n-best", 2, "--resume")
    assert b"out.part.json is damaged" in refused.stderr
    (tmp_path / "out.part.json").unlink()
    refused = typed(*command, "--n-best", 2, "--resume")
    assert (
        b"out.part.json is missing, so this command cannot be compared" in refused.stderr
        and part.exists()
        and not out.exists()
    )


def test_lines_that_are_not_utf8_are_translated_and_reported(file, tmp_path):
    (tmp_path / "in.txt").write_bytes("The cat .\nThe caf\xe9 .\n".encode("latin-1"))
    done = typed("translate", tmp_path / "in.txt", "--model", file)
    assert done.returncode == 0 and done.stdout.count(b"\n") == 2
    assert b"line 2: bytes that are not UTF-8" in done.stderr and b"(1 of 2)" in done.stderr


@pytest.mark.parametrize("cut", [translating.in_chunks, translating.read_chunks])
@given(lines=st.lists(st.binary(max_size=12)), count=st.integers(1, 5), size=st.integers(1, 30))
def test_chunks_hold_every_line_in_order_and_few_bytes(cut, lines, count, size):
    chunks = list(cut(lines, count, size))
    assert [line for chunk in chunks for line in chunk] == lines
    assert all(0 < len(chunk) <= count for chunk in chunks)
    assert all(sum(map(len, chunk[:-1])) < size for chunk in chunks)


def test_lines_arrive_before_what_reading_them_raises():
    def lines():
        yield b"one"
        raise RegardError("the file is damaged", "here", "mend it")

    arriving = translating.read_chunks(lines(), 9, 99)
    assert next(arriving) == [b"one"]
    with pytest.raises(RegardError, match="damaged"):
        next(arriving)


def test_a_program_on_a_pipe_gets_its_answer_before_its_next_line(file):
    command = [sys.executable, "-m", "regard", "translate", "--model", str(file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        for line in (b"The cat .\n", b"\n", b"The dog .\n"):
            process.stdin.write(line)
            process.stdin.flush()
            assert process.stdout.readline().endswith(b"\n")  # waits for ever if none comes
        process.stdin.close()
        assert process.stdout.read() == b"" and process.wait() == 0


def test_a_second_run_does_not_write_into_the_first_ones_file(file, tmp_path):
    out = tmp_path / "out"
    command = [sys.executable, "-m", "regard", "translate", "--model", str(file), "--out", str(out)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        until(out.with_name("out.part").exists)
        for more in ((), ("--resume",)):
            second = typed("translate", "--model", file, "--out", out, *more, given="The dog .\n")
            assert second.returncode == 2, second.stderr
        assert b"another run is writing this translation" in second.stderr
        process.communicate(b"The cat .\n")
    assert process.returncode == 0 and out.read_bytes().count(b"\n") == 1
    assert not list(tmp_path.glob("out.*"))


def test_a_file_that_was_created_meanwhile_is_not_overwritten(file, tmp_path):
    out = tmp_path / "out"
    command = [sys.executable, "-m", "regard", "translate", "--model", str(file), "--out", str(out)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        until(out.with_name("out.part").exists)
        out.write_text("precious")
        said = process.communicate(b"The cat .\n")[1]
    assert process.returncode == 2 and b"another file with this name" in said
    assert out.read_text() == "precious" and out.with_name("out.part").exists()


def test_what_fails_before_its_first_line_leaves_nothing(file, tmp_path):
    (tmp_path / "in.txt").write_text("The cat .", "utf-16")
    done = typed("translate", tmp_path / "in.txt", "--model", file, "--out", tmp_path / "out")
    assert done.returncode == 2 and b"UTF-16" in done.stderr
    assert [left.name for left in tmp_path.iterdir()] == ["in.txt"]
    hyphen = typed("translate", "--model", file, "--out", "-", given="The cat .\n")
    assert hyphen.returncode == 2 and b"not the name of a file" in hyphen.stderr


def test_the_language_that_is_scored_can_be_named(model, text):
    words = "evaluate", *text.valid, "--model", model, "--json"
    named, own = (
        json.loads(typed(*words, *more).stdout) for more in (("--languages", "en-zh"), ())
    )
    assert "tok:zh" in named[0]["signature"] and "tok:13a" in own[0]["signature"]


def test_a_fingerprint_depends_on_content_and_not_on_the_folder(model, file, tmp_path):
    copy = shutil.copy(file, tmp_path / file.name)
    assert translating.content_fingerprint(copy) == translating.content_fingerprint(file)
    copy.write_bytes(b"another")
    assert translating.content_fingerprint(copy) != translating.content_fingerprint(file)
    assert translating.content_fingerprint(model) != translating.content_fingerprint(file)
    folder = shutil.copytree(
        model, tmp_path / model.name, ignore=shutil.ignore_patterns("training")
    )
    assert translating.content_fingerprint(folder) == translating.content_fingerprint(model)
    card = folder / "model.json"
    card.write_text(card.read_text().replace('"length_penalty": ', '"length_penalty": 0.0'))
    assert translating.content_fingerprint(folder) != translating.content_fingerprint(model)


def test_a_folder_is_not_a_complete_translation(file, tmp_path):
    done = typed("translate", "--model", file, "--out", tmp_path, "--resume", given="The cat .\n")
    assert done.returncode == 2 and b"exists" in done.stderr


def test_a_replacement_character_that_is_utf8_is_no_mistake(file):
    done = typed("translate", "--model", file, given="The \ufffd cat .\n")
    assert done.returncode == 0 and b"UTF-8" not in done.stderr


@needs_posix
def test_what_comes_through_a_pipe_is_not_read_to_count_it(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert translating.count_lines([tmp_path / "pipe"]) is None


@needs_posix
def test_a_word_of_the_command_line_that_is_not_utf8_is_read_as_in_files(file):
    words = ["explain", "--model", file, b"The caf\xe9 .", "--translation", b"Le caf\xe9 ."]
    done = subprocess.run(
        [sys.executable, "-m", "regard", *words], capture_output=True, check=False
    )
    assert done.returncode == 0 and "Le caf\ufffd .".encode() in done.stdout, done.stderr


def test_names_and_texts_are_printed_as_they_are(file, tmp_path):
    shutil.copy(file, tmp_path / "a[b]:cat:.regard")
    done = typed(
        "explain",
        "The cat .",
        "--model",
        tmp_path / "a[b]:cat:.regard",
        "--translation",
        "le :cat: [b]",
    )
    assert done.stdout.decode().startswith("a[b]:cat:\nle :cat: [b]\n"), done.stderr
    missing = typed("translate", "--model", "a[b]:cat:", given="x\n")
    assert b"where: a[b]:cat:" in missing.stderr


def test_a_line_whose_end_is_left_out_is_reported(file, tmp_path):
    (tmp_path / "in.txt").write_text("The cat ." + " " * 2**20 + "The dog .\nThe dog .\n")
    done = typed("translate", tmp_path / "in.txt", "--model", file)
    assert done.returncode == 0 and done.stdout.count(b"\n") == 2
    assert b"line 1: longer than a megabyte" in done.stderr and b"(1 of 2)" in done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full is Linux's")
@pytest.mark.parametrize("words", [("info",), ("translate", "--model")], ids=str)
def test_a_full_disk_gets_its_three_lines(file, words):
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "regard", *words, str(file)],
            input=b"The cat .\n", stdout=full, stderr=subprocess.PIPE, check=False,
        )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.decode().splitlines()[0] == "cannot continue: no space left on device"
    assert b"Traceback" not in done.stderr and b"ignored" not in done.stderr


@needs_posix
def test_closed_standard_streams_are_empty_and_lost(file):
    for closed in ("<&-", ">&-", "2>&-"):
        done = subprocess.run(
            ["sh", "-c", f"exec {sys.executable} -m regard translate --model {file} {closed}"],
            input=b"The cat .\n", capture_output=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0 and b"Traceback" not in done.stderr
        assert (done.stdout.count(b"\n") == 1) == (closed == "2>&-")


@needs_posix
def test_ctrl_c_says_how_to_resume(file, tmp_path):
    command = [sys.executable, "-m", "regard", "translate", "--model", str(file)]
    out = tmp_path / "out"
    with subprocess.Popen(
        [*command, "--out", str(out)], stdin=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        until(out.with_name("out.part").exists)
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        said = process.communicate()[1]
    assert process.returncode == 130
    assert b"resume with the same command and --resume" in said and b"Traceback" not in said
    assert out.with_name("out.part.json").exists() and not out.exists()
