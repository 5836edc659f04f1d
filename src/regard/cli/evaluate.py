"""regard evaluate"""

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from regard import models
from regard.alignment.gold import measure_links, quality_details, read_gold
from regard.alignment.links import SURE_PROBABILITY, THRESHOLD, links_of
from regard.alignment.words import SEGMENTATIONS, Segmentation
from regard.cli.common import (
    BeamOption,
    announce_default_model,
    errors,
    refuse_stdin_twice,
    refuse_without_links,
    use_utf8,
    warn_of_languages,
    with_beam,
)
from regard.data.formats import PAIR_FORMATS, guess_languages
from regard.data.formats.lines import read_texts
from regard.data.formats.measured import read_measured
from regard.errors import RegardError, nearest
from regard.evaluation import CONVENTIONS, Quality, measure
from regard.files import new_file
from regard.loading import load
from regard.storage.model_file import read_model_info
from regard.text.languages import Languages, parse_languages
from regard.translator import Translator


def evaluate(
    source: Annotated[
        Path,
        typer.Argument(
            help="Text to translate, one sentence per line; or one file with its translation, too"
            f" ({PAIR_FORMATS})."
        ),
    ],
    reference: Annotated[
        Path | None, typer.Argument(help="Its human translation.", show_default=False)
    ] = None,
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
    tag: Annotated[
        str, typer.Option(metavar="NAME", help="As in translate: a tag of the model's corpora.")
    ] = "",
    no_sentence_splitting: Annotated[
        bool, typer.Option("--no-sentence-splitting", help="Translate each line as one sentence.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="Write the translations to this new file.")
    ] = None,
    alignment: Annotated[
        Path | None,
        typer.Option(
            metavar="GOLD",
            help="Also measure the model's word links between the two files, against gold links in"
            " NAACL's or Pharaoh's form.",
        ),
    ] = None,
    words: Annotated[
        Literal["text", "spaces"],
        typer.Option(help="For --alignment: cut lines into words as text, or at spaces alone."),
    ] = "text",
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
    files = [file for file in (source, reference) if file is not None]
    refuse_stdin_twice([*files, *([hypothesis] if hypothesis else [])])
    if hypothesis is not None:
        unused = {
            "--model": model,
            "--beam": beam,
            "--tag": tag,
            "--no-sentence-splitting": no_sentence_splitting,
            "--device": device != "auto",
            "--out": out,
            "--alignment": alignment,
        }
        for option in (option for option, value in unused.items() if value):
            raise RegardError(
                f"{option} has no effect with --hypothesis, which scores an existing translation",
                "the command line",
                f"leave out {option} or --hypothesis",
            )
    pair = languages_of(files, languages, None if hypothesis else model or models.DEFAULT)
    sources, references = read_measured(files, pair)
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
        translator = with_beam(load(chosen, device=device), beam).with_tag(tag)
        warn_of_languages(files, sources, references, pair)
        with errors.status(f"translating {len(sources):,} lines"):
            translate = (
                translator.translate_sentences if no_sentence_splitting else translator.translate
            )
            texts = [translation.text for translation in translate(sources)]
    else:
        warn_of_languages(files, sources, references, pair)
        texts = list(read_texts(hypothesis))
    if out is not None:
        new_file(out).write_text("".join(f"{text}\n" for text in texts), "utf-8", newline="\n")
    qualities = measure(texts, references, pair[1], convention)
    if alignment is not None:
        qualities.append(alignment_quality(translator, sources, references, alignment, words))
    if as_json:
        typer.echo(json.dumps([quality._asdict() for quality in qualities]))
        return
    for quality in qualities:
        typer.echo(f"{quality.name:<5} {quality.value:6.2f}  {quality.signature}")


def languages_of(files: list[Path], languages: str, model: Path | None) -> Languages:
    """The languages that are named, or those of the model, or without one those that the names of
    the files show. Raises RegardError if there are none."""
    if languages:
        return parse_languages(languages)
    if model is None:
        return guess_languages(files)
    return read_model_info(models.find(model)).languages


def alignment_quality(
    translator: Translator,
    sources: list[str],
    references: list[str],
    gold: Path,
    segmentation: Segmentation,
) -> Quality:
    """The alignment error rate of the model's links between the words of both texts."""
    from regard.word_alignment import GivenPair, align_given

    refuse_without_links(translator)
    cut = SEGMENTATIONS[segmentation]
    pairs = [GivenPair(a, b, cut(a), cut(b)) for a, b in zip(sources, references, strict=True)]
    lengths = [(len(pair.source_words), len(pair.target_words)) for pair in pairs]
    gold_links = read_gold(gold, lengths)
    links = {
        number: {link[:2] for link in links_of(posterior, THRESHOLD, SURE_PROBABILITY)}
        for number, posterior in enumerate(align_given(translator, pairs))
        if number in gold_links
    }
    quality = measure_links(links, gold_links)
    return Quality("AER", quality.aer, quality_details(quality))
