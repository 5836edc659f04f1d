"""The tables of a comparison, described once for the terminal and the page."""

from typing import NamedTuple

from regard.evaluation.significance import PairedTest
from regard.experiment.results import Comparison, ModelResult, choices_of, labels_of


class Column(NamedTuple):
    heading: str
    short_heading: str
    """In the terminal; empty: the terminal leaves the column out."""


class TableCell(NamedTuple):
    text: str
    detail: str = ""
    """Small print, for the page alone."""


class Row(NamedTuple):
    label: str
    number: int
    """Index of the choice, which determines the colour of its key."""
    cells: list[TableCell]


class Table(NamedTuple):
    title: str
    columns: list[Column]
    """The first is that of the labels."""
    rows: list[Row]


MODEL_COLUMNS = [
    Column("model", "model"),
    Column("BLEU, 95 %", "BLEU"),
    Column("chrF", "chrF"),
    Column("TER", "TER"),
    Column("perplexity", "ppl"),
    Column("p, BLEU", "p"),
    Column("p, chrF", ""),
    Column("parameters", "size"),
    Column("updates", ""),
    Column("training", "training"),
    Column("sentences", "sent/s"),
    Column("cut", ""),
]


def models_table(comparison: Comparison) -> Table:
    """One row per model: quality, significance, size, training and speed."""
    rows = []
    tests = {each.model: each.verdicts for each in comparison.differences}
    for model in comparison.models:
        bleu, chrf, ter = (quality.value for quality in model.quality)
        training = model.training
        is_known = training.updates > 0
        p_values = [p_value(test) for test in tests.get(model.name, [])] or ["baseline"] * 2
        cells = [
            bleu_cell(bleu, model.low, model.high),
            TableCell(f"{chrf:.1f}"),
            TableCell(f"{ter:.1f}"),
            TableCell(f"{model.perplexity:,.2f}"),
            *map(TableCell, p_values),
            TableCell(f"{model.parameters / 1e6:.2f}\u00a0M"),
            TableCell(f"{training.updates:,}", f"kept {training.kept:,}")
            if is_known
            else TableCell("not known"),
            TableCell(f"{training.minutes:.1f}\u00a0min" if is_known else "not known"),
            TableCell(f"{model.speed:,.1f}/s"),
            TableCell(f"{model.truncated:,}"),
        ]
        rows.append(model_row(comparison, model, cells))
    return Table(f"{comparison.test['sentences']:,} test sentences", MODEL_COLUMNS, rows)


def length_table(comparison: Comparison) -> Table:
    """BLEU by source words, one row per model."""
    columns = [Column("words", "model")]
    for bucket in comparison.models[0].buckets:
        count = f"n = {bucket.sentences:,}"
        columns.append(Column(f"{bucket.words} ({count})", f"{bucket.words}\n{count}"))
    rows = []
    for model in comparison.models:
        cells = [bleu_cell(bucket.bleu, bucket.low, bucket.high) for bucket in model.buckets]
        rows.append(model_row(comparison, model, cells))
    return Table("BLEU by source words", columns, rows)


def spreads_table(comparison: Comparison) -> Table:
    """Mean and standard deviation over seeds, one row per choice; no rows for a single seed."""
    spreads = [spread for spread in comparison.spreads if len(spread.values) > 1]
    metrics = dict.fromkeys(spread.metric for spread in spreads)
    rows = []
    for number, choice in enumerate(choices_of(comparison.models)):
        cells = [
            TableCell(f"{spread.mean:,.2f} ± {spread.deviation:.2f}", f"{len(spread.values)} seeds")
            for spread in spreads
            if spread.choice == choice
        ]
        rows.append(Row(choice, number, cells))
    return Table(
        "mean ± standard deviation over seeds",
        [Column("choice", "choice"), *(Column(metric, metric) for metric in metrics)],
        rows if spreads else [],
    )


def model_row(comparison: Comparison, model: ModelResult, cells: list[TableCell]) -> Row:
    number = choices_of(comparison.models).index(model.choice)
    return Row(labels_of(comparison.models)[model.name], number, cells)


def bleu_cell(bleu: float, low: float, high: float) -> TableCell:
    return TableCell(f"{bleu:.1f}", f"{low:.1f} to {high:.1f}")


def p_value(test: PairedTest) -> str:
    no_break = "\u00a0"
    text = "p < 0.001" if test.p_value < 0.001 else f"p = {test.p_value:.3f}"
    return text.replace(" ", no_break)
