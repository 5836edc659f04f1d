"""regard evaluate"""

import json
from pathlib import Path
from typing import Annotated

import typer

from regard import models
from regard.cli.common import (
    BeamOption,
    announce_default_model,
    errors,
    new_file,
    refuse_stdin_twice,
    use_utf8,
    warn_of_languages,
    with_beam,
)
from regard.data.formats import guess_languages
from regard.data.formats.lines import read_texts
from regard.errors import RegardError, nearest
from regard.evaluation import CONVENTIONS, measure
from regard.text.languages import parse_languages
from regard.translator import load


def evaluate(
    source: Annotated[Path, typer.Argument(help="Text to translate, one sentence per line.")],
    reference: Annotated[Path, typer.Argument(help="Its human translation.")],
    model: Annotated[
        Path | None, typer.Option(help="As in translate; by default the built-in model.")
    ] = None,
    hypothesis: Annotated[
        Path | None, typer.Option(help="Score this existing translation instead.")
    ] = None,
    convention: Annotated[
        str,
        typer.Option(
            help="sacrebleu (cased, detokenised), or multi30k (lower-cased, normalised, tokenised,"
            " as in nearly all published Multi30k figures)."
        ),
    ] = "sacrebleu",
    beam: BeamOption = 0,
    no_sentence_splitting: Annotated[
        bool, typer.Option("--no-sentence-splitting", help="Translate each line as one sentence.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="Write the translations to this new file.")
    ] = None,
    languages: Annotated[
        str, typer.Option(help="Like en-fr; by default from the model or the file endings.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
) -> None:
    """Measure BLEU, chrF and TER, each with the signature that says how it was computed.

    Lines are translated as by `regard translate`: sentence by sentence, unless
    --no-sentence-splitting is given.

    Example:

        regard evaluate test.en test.fr --model model --convention multi30k
    """
    use_utf8()
    refuse_stdin_twice([file for file in (source, reference, hypothesis) if file is not None])
    sources, references = list(read_texts(source)), list(read_texts(reference))
    if hypothesis is not None:
        unused = {
            "--model": model,
            "--beam": beam,
            "--no-sentence-splitting": no_sentence_splitting,
            "--device": device != "auto",
            "--out": out,
        }
        for option in (option for option, value in unused.items() if value):
            raise RegardError(
                f"{option} has no effect with --hypothesis, which scores an existing translation",
                "the command line",
                f"leave out {option} or --hypothesis",
            )
    if len(sources) != len(references):
        raise RegardError(
            "the numbers of lines differ",
            f"{source} ({len(sources):,} lines), {reference} ({len(references):,} lines)",
            "give both files the same number of lines",
        )
    if convention not in CONVENTIONS:
        raise RegardError(
            f"there is no convention '{convention}'",
            "--convention",
            nearest(convention, tuple(CONVENTIONS)),
        )
    if out is not None:
        new_file(out).unlink()
    if hypothesis is None:
        chosen = model or models.DEFAULT
        announce_default_model(chosen)
        translator = load(chosen, device=device)
        pair = parse_languages(languages) if languages else translator.languages
        warn_of_languages((source, reference), sources, references, pair)
        translator = with_beam(translator, beam)
        with errors.status(f"translating {len(sources):,} lines"):
            translate = (
                translator.translate_sentences if no_sentence_splitting else translator.translate
            )
            texts = [translation.text for translation in translate(sources)]
    else:
        pair = parse_languages(languages) if languages else guess_languages((source, reference))
        warn_of_languages((source, reference), sources, references, pair)
        texts = list(read_texts(hypothesis))
    if out is not None:
        new_file(out).write_text("".join(f"{text}\n" for text in texts), "utf-8", newline="\n")
    qualities = measure(texts, references, pair[1], convention)
    if as_json:
        typer.echo(json.dumps([quality._asdict() for quality in qualities]))
        return
    for quality in qualities:
        typer.echo(f"{quality.name:<5} {quality.value:6.2f}  {quality.signature}")
