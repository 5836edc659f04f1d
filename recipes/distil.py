"""Train a small, fast model on the translations of a large one: sequence-level distillation.

    python recipes/run.py multi30k-en-fr
    python recipes/distil.py multi30k-en-fr-student

The teacher translates its own training text. The student learns from the references, from the
teacher's translations, and from the one of the five best that is most like the reference (Kim &
Rush 2016, "Sequence-Level Knowledge Distillation", 3.2 and 3.3), in two stages: the second
starts from the model of the first. No other text is used.
"""

import argparse
import sys
from pathlib import Path

from sacrebleu import sentence_bleu

import regard
from regard.errors import RegardError
from regard.export.export import export
from regard.files import file_digest, read_json, write_file, write_json
from regard.storage.folder import weights_file
from regard.translator import Translator
from run import HERE, as_command, read, result, train, write_result

TOGETHER = 2000
"""Sentences that are translated at a time."""


def ask(teacher: Translator, sources: list[str]) -> list[list[str]]:
    """The teacher's translations of each sentence, best first."""
    said: list[list[str]] = []
    for begin in range(0, len(sources), TOGETHER):
        ranked = teacher.n_best(sources[begin : begin + TOGETHER])
        said += [[one.text for one in best] for best in ranked]
        print(f"the teacher has translated {len(said):,} of {len(sources):,}", file=sys.stderr)
    return said


def nearest(said: list[str], reference: str) -> str:
    return max(said, key=lambda text: sentence_bleu(text, [reference]).score)


def make_text(teacher: Path, data: Path, code: str, folder: Path) -> tuple[Path, Path]:
    """The text for the student, prepared once.

    Raises RegardError if it is another teacher's, or of another text.
    """
    text = folder / "train.en", folder / f"train.{code}"
    read_by = [data / f"train.{side}" for side in ("en", code)]
    said_by = [file_digest(file) for file in (weights_file(teacher), *read_by)]
    if (folder / "teacher.json").exists():
        if read_json(folder / "teacher.json") != said_by:
            raise RegardError(
                "this text is another teacher's, or of another text",
                str(folder),
                "choose another --out",
            )
        return text
    folder.mkdir(parents=True, exist_ok=True)
    packed = folder / "teacher.regard"
    export(teacher, packed, "int8", [])
    sources, references = read(data, "train", "en"), read(data, "train", code)
    said = ask(regard.load(packed), sources)
    best = [texts[0] for texts in said]
    near = [nearest(*both) for both in zip(said, references, strict=True)]
    for file, lines in zip(text, (3 * sources, references + best + near), strict=True):
        write_file(file, "".join(f"{line}\n" for line in lines).encode())
    write_json(folder / "teacher.json", said_by)
    return text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("recipe", help="like multi30k-en-fr-student")
    parser.add_argument("options", nargs="*", help="section.option=value on top of the recipe")
    parser.add_argument("--teacher", type=Path, help="its folder; else runs/multi30k-en-fr")
    parser.add_argument("--data", type=Path, default=HERE.parents[1] / "shared/data/multi30k")
    parser.add_argument("--out", type=Path, default=HERE.parent / "runs")
    asked = parser.parse_intermixed_args()
    code = asked.recipe.split("-")[2]
    teacher = asked.teacher or asked.out / asked.recipe.removesuffix("-student")
    text = make_text(teacher, asked.data, code, asked.out / f"{asked.recipe}-text")
    first, second = f"{asked.recipe}-first", asked.recipe
    begun, folder = asked.out / first, asked.out / second
    before = train(first, asked.options, text, asked.data, begun)
    outcome = train(second, asked.options, text, asked.data, folder, begun)
    content = result(second, asked.options, outcome, asked.data, folder)
    minutes = {"minutes_of_first_stage": round(before.seconds / 60, 1)}
    write_result({**content, **minutes}, second)


if __name__ == "__main__":
    as_command(main)
