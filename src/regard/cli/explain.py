"""regard explain"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

import typer

from regard.alignment.links import SURE_PROBABILITY
from regard.cli.common import (
    BeamOption,
    ModelsOption,
    announce_default_model,
    as_utf8,
    errors,
    print_message,
    use_utf8,
    with_beam,
)
from regard.errors import RegardError
from regard.files import new_file, write_file
from regard.models import unique_names

if TYPE_CHECKING:
    from rich.console import Console

    from regard.explain.explanation import Explanation
    from regard.explain.maps import WeightMap
    from regard.explain.terminal import WordRow
    from regard.translator import Translator

TOP_PER_ROW = 2
"""How many source words and alternatives a row of the table lists."""
MIN_SHOWN = 0.01
"""Those of less weight or probability are left out."""


BETWEEN = "between"
"""The attention between the two sentences."""


class Shown(NamedTuple):
    """What `maps.weight_map` shows of an explanation."""

    attention: str
    layer: int
    head: int
    subwords: bool


def explain(
    text: Annotated[str, typer.Argument(help="A sentence; - reads one from standard input.")],
    model: ModelsOption,
    translation: Annotated[
        str | None,
        typer.Option(help="Explain how the model reads this translation, instead of its own."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="A picture (.png, .svg, .pdf), or a page for any browser (.html)."),
    ] = None,
    subwords: Annotated[
        bool, typer.Option("--subwords", help="Show the tokens that the model reads, not words.")
    ] = False,
    attention: Annotated[
        Literal["between", "source", "translation"],
        typer.Option(
            help="Which attention: between the sentences; or, of a model with self-attention,"
            " within the source or within the translation."
        ),
    ] = "between",
    layer: Annotated[
        int, typer.Option(help="The layer that is shown; 0 is the last one.", min=0)
    ] = 0,
    head: Annotated[
        int, typer.Option(help="The head that is shown; 0 is the mean of all.", min=0)
    ] = 0,
    beam: BeamOption = 0,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print everything that was computed, one JSON object a model."),
    ] = False,
) -> None:
    """Show where the model looked while it translated a sentence, word by word.

    Each row is a word that was written, each column one that was read, each number the weight in
    percent. The table tells how sure the model was, and what else could have come. A page (.html)
    shows every step and needs neither a server nor a network.

    Examples:

        regard explain "The black cat ate the mouse."

        regard explain "The black cat ate the mouse." --out cat.png

        regard explain "The black cat ate the mouse." --model with --model without --out cat.html

        regard explain "The black cat ate the mouse." --model transformer --attention source
    """
    use_utf8()
    shown = Shown(attention, layer, head, subwords)
    if shown[:3] != (BETWEEN, 0, 0) and (as_json or (out and out.suffix.lower() == ".html")):
        raise RegardError(
            "a page and --json have all layers and heads",
            "--attention, --layer, --head",
            "leave these options out",
        )
    target = None if translation is None else read_translation(translation, beam)
    source = sys.stdin.readline().rstrip("\n") if text == "-" else as_utf8(text)
    announce_default_model(model[0])
    from regard.explain.explanation import load_to_explain

    translators = [load_to_explain(one) for one in model]
    explained = [
        explain_one(source, translator, name, target, beam)
        for translator, name in zip(translators, unique_names(model, "/"), strict=True)
    ]
    if len(translators[0].pipeline.read(source)) > 1:
        errors.print(
            "several sentences are explained as one; `regard translate` cuts them, unless"
            " --no-sentence-splitting is given",
            style="yellow",
            highlight=False,
        )
    if out is not None:
        write(explained, out, shown)
        print_message(f"written: {out}")
    if as_json:
        from regard.explain.explanation import as_json as content

        for one in explained:
            typer.echo(json.dumps(content(one), ensure_ascii=False))
    elif out is None:
        for number, one in enumerate(explained):
            if number:
                typer.echo()
            print_explanation(one, shown)


def read_translation(translation: str, beam: int) -> str:
    """Raises RegardError if there is nothing in it, or if something is to be searched for too."""
    if beam:
        raise RegardError(
            "--beam cannot be combined with --translation: nothing is searched",
            "the command line",
            "give one of the two",
        )
    if not as_utf8(translation).strip():
        raise RegardError(
            "there is nothing in the translation",
            "--translation",
            "give a sentence, or leave it out to explain the model's own",
        )
    return as_utf8(translation)


def explain_one(
    text: str, translator: "Translator", name: str, translation: str | None, beam: int
) -> "Explanation":
    from regard.explain.explanation import explain as search_and_explain
    from regard.explain.explanation import explain_given

    if translation is not None:
        return explain_given(translator, text, translation, name)
    return search_and_explain(with_beam(translator, beam), text, name)


def write(explained: "Sequence[Explanation]", out: Path, shown: Shown) -> None:
    """Raises RegardError if the file exists, or nothing writes its format."""
    kind = out.suffix.lower()
    if kind == ".html":
        from regard.explain.explanation import as_json
        from regard.page import static_page

        page = static_page(
            {
                "live": False,
                "title": explained[0].source.text,
                "models": [one.model for one in explained],
                "explanations": [as_json(one) for one in explained],
            }
        )
        new_file(out).unlink()
        write_file(out, page.encode())
        return
    from regard.explain.heat_map import FORMATS, Picture, write_pictures

    if kind not in FORMATS:
        raise RegardError(
            f"'{out.suffix}' is not a format of pictures or pages",
            str(out),
            "end it in .png, .svg, .pdf or .html",
        )
    new_file(out).unlink()
    from regard.explain.maps import weight_map

    write_pictures([Picture(one.model, *weight_map(one, *shown)) for one in explained], out)


def print_explanation(one: "Explanation", shown: Shown) -> None:
    """In the terminal: the translation, its heat map, and, of the attention between the sentences,
    a table of its words."""
    from rich.console import Console

    from regard.explain.explanation import advice
    from regard.explain.maps import weight_map
    from regard.explain.terminal import word_by_word

    pictured, console = weight_map(one, *shown), Console(emoji=False, markup=False)
    console.print(one.model, style="bold", highlight=False)
    console.print(one.target.text, highlight=False, soft_wrap=True)
    console.print()
    show_map(console, pictured)
    if shown.attention != BETWEEN:
        return
    console.print(word_by_word(word_rows(one, pictured, shown.subwords)))
    if advised := advice(one):
        console.print(f"\n{advised}", style="italic", highlight=False)


def show_map(console: "Console", pictured: "WeightMap") -> None:
    """The heat map, as wide as all that the console prints."""
    from regard.explain.terminal import heat_map

    console.print(heat_map(*pictured, console.width), no_wrap=True, crop=False)


def word_rows(one: "Explanation", pictured: "WeightMap", subwords: bool) -> "list[WordRow]":
    """A row of the table for each word (or token)."""
    from regard.explain.terminal import WordRow

    rows, columns, weights = pictured
    firsts = range(len(rows)) if subwords else [word.tokens[0] for word in one.target.words]
    probs = one.probabilities if subwords else one.word_probabilities
    written = []
    linked = linked_words(one, subwords)
    table = zip(rows, firsts, probs, weights, strict=True)
    for row, first, prob, row_weights in table:
        most = (-row_weights).argsort()[:TOP_PER_ROW]
        read = [(columns[index], float(row_weights[index])) for index in most]
        others = [
            f"{other.token.lstrip('▁')} {other.probability:.0%}"
            for other in one.next[first]
            if other.id != one.target.ids[first] and other.probability >= MIN_SHOWN
        ]
        shown = [(column, weight) for column, weight in read if weight >= MIN_SHOWN]
        translated = linked.get(first, [])
        written.append(WordRow(row, float(prob), shown, translated, others[:TOP_PER_ROW]))
    return written


def linked_words(one: "Explanation", subwords: bool) -> dict[int, list[str]]:
    """The source words that each target word is linked to, by the word's first token; of subwords,
    which have no links of their own, by each of them."""
    linked: dict[int, list[str]] = {}
    for link in one.alignment.links:
        if link.probability > SURE_PROBABILITY:
            tokens = one.target.words[link.target].tokens
            for token in tokens if subwords else tokens[:1]:
                linked.setdefault(token, []).append(one.source.words[link.source].text)
    return linked
