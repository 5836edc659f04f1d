"""regard explain"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from regard.cli.common import (
    BeamOption,
    ModelsOption,
    announce_default_model,
    as_utf8,
    errors,
    new_file,
    print_message,
    use_utf8,
    with_beam,
)
from regard.errors import RegardError
from regard.files import write_file
from regard.models import unique_names
from regard.text import sentences
from regard.text.normalize import normalize

if TYPE_CHECKING:
    import numpy as np
    from jaxtyping import Float
    from rich.console import Console

    from regard.explain.explanation import Explanation
    from regard.explain.terminal import WordRow

TOP_PER_ROW = 2
"""How many source words and alternatives a row of the table lists."""
MIN_SHOWN = 0.01
"""Those of less weight or probability are left out."""


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
    """
    use_utf8()
    target = None if translation is None else read_translation(translation, beam)
    source = sys.stdin.readline().rstrip("\n") if text == "-" else as_utf8(text)
    announce_default_model(model[0])
    explained = [
        explain_one(source, one, name, target, beam)
        for one, name in zip(model, unique_names(model, "/"), strict=True)
    ]
    if len(sentences.split_sentences(normalize(source).text, explained[0].languages[0], ())) > 1:
        errors.print(
            "several sentences are explained as one; `regard translate` cuts them, unless"
            " --no-sentence-splitting is given",
            style="yellow",
            highlight=False,
        )
    if out is not None:
        write(explained, out, subwords)
        print_message(f"written: {out}")
    if as_json:
        from regard.explain.explanation import as_json as content

        for one in explained:
            typer.echo(json.dumps(content(one), ensure_ascii=False))
    elif out is None:
        for number, one in enumerate(explained):
            if number:
                typer.echo()
            print_explanation(one, subwords)


def read_translation(translation: str, beam: int) -> str:
    """Raises RegardError if there is nothing in it, or if something is to be searched for too."""
    if beam:
        raise RegardError(
            "--beam cannot be combined with --translation: nothing is searched",
            "the command line",
            "give one of the two",
        )
    if not normalize(as_utf8(translation)).text:
        raise RegardError(
            "there is nothing in the translation",
            "--translation",
            "give a sentence, or leave it out to explain the model's own",
        )
    return as_utf8(translation)


def explain_one(
    text: str, model: Path, name: str, translation: str | None, beam: int
) -> "Explanation":
    from regard.explain.explanation import explain as search_and_explain
    from regard.explain.explanation import explain_given, load_to_explain

    translator = load_to_explain(model)
    if translation is not None:
        return explain_given(translator, text, translation, name)
    return search_and_explain(with_beam(translator, beam), text, name)


def write(explained: "Sequence[Explanation]", out: Path, subwords: bool) -> None:
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
    write_pictures(
        [Picture(one.model, *names(one, subwords), weights(one, subwords)) for one in explained],
        out,
    )


def names(one: "Explanation", subwords: bool) -> tuple[list[str], list[str]]:
    """Of the rows (written) and of the columns (read)."""
    if subwords:
        return one.target.tokens, one.source.tokens
    return [word.text for word in one.target.words], [word.text for word in one.source.words]


def weights(one: "Explanation", subwords: bool) -> "Float[np.ndarray, 'T S']":
    return one.weights if subwords else one.word_weights


def print_explanation(one: "Explanation", subwords: bool) -> None:
    """In the terminal: the translation, its heat map, and a table of its words."""
    from rich.console import Console

    from regard.explain.explanation import advice
    from regard.explain.terminal import word_by_word

    console = Console(emoji=False, markup=False)
    console.print(one.model, style="bold", highlight=False)
    console.print(one.target.text, highlight=False, soft_wrap=True)
    console.print()
    show_attention(console, one, subwords)
    console.print(word_by_word(word_rows(one, subwords)))
    if advised := advice(one):
        console.print(f"\n{advised}", style="italic", highlight=False)


def show_attention(console: "Console", one: "Explanation", subwords: bool) -> None:
    """The heat map, as wide as all that the console prints."""
    from regard.explain.terminal import heat_map

    rows, columns = names(one, subwords)
    picture = heat_map(rows, columns, weights(one, subwords), console.width)
    console.print(picture, no_wrap=True, crop=False)


def word_rows(one: "Explanation", subwords: bool) -> "list[WordRow]":
    """A row of the table for each word (or token)."""
    from regard.explain.terminal import WordRow

    rows, columns = names(one, subwords)
    firsts = range(len(rows)) if subwords else [word.tokens[0] for word in one.target.words]
    probs = one.probabilities if subwords else one.word_probabilities
    written = []
    table = zip(rows, firsts, probs, weights(one, subwords), strict=True)
    for row, first, prob, row_weights in table:
        most = (-row_weights).argsort()[:TOP_PER_ROW]
        read = [(columns[index], float(row_weights[index])) for index in most]
        others = [
            f"{other.token.lstrip('▁')} {other.probability:.0%}"
            for other in one.next[first]
            if other.id != one.target.ids[first] and other.probability >= MIN_SHOWN
        ]
        shown = [(column, weight) for column, weight in read if weight >= MIN_SHOWN]
        written.append(WordRow(row, float(prob), shown, others[:TOP_PER_ROW]))
    return written
