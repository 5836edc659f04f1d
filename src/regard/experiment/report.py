"""A comparison as one HTML file: no network, no program in it, for screen and paper."""

from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files

from regard.evaluation.significance import Difference, PairedTest
from regard.experiment.results import (
    Comparison,
    Example,
    ModelResult,
    Reordering,
    Validation,
    choices_of,
)
from regard.experiment.svg import Axes, Line, Point, Tick, key, line_chart, round_steps
from regard.experiment.word_diff import compare_words, heat_map, marked_html

COLOURS = 6
"""Colours of the style sheet; a seventh choice begins anew."""
SIGNIFICANT = 0.05
FEW = 30
"""Sentences of a bucket below which its BLEU is told to be of little weight."""
TESTS = {
    "bootstrap": "paired bootstrap resampling (Koehn 2004)",
    "randomization": "paired approximate randomization (Riezler and Maxwell 2005)",
}


def render(found: Comparison) -> str:
    """The whole page."""
    style = (files("regard.experiment") / "report.css").read_text("utf-8")
    title = f"{' against '.join(choices_of(found.models))}: {'-'.join(found.languages)}"
    body = "\n".join(
        [
            header(found),
            verdicts(found),
            table_of_models(found),
            table_of_spreads(found),
            by_length_section(found),
            curves_section(found),
            cases_section(found),
            looks_section(found),
            how_section(found),
        ]
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'\">\n"
        f"<title>{escape(title)}</title>\n<style>\n{style}</style>\n</head>\n"
        f"<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def label(found: Comparison, name: str) -> str:
    """What a model is called: its choice, as long as there is one model of each."""
    seeds = {model.seed for model in found.models}
    named = {model.name: model.choice for model in found.models}
    return named[name] if len(seeds) == 1 else name


def colour(found: Comparison, choice: str) -> int:
    return choices_of(found.models).index(choice) % COLOURS


def section(title: str, lead: str, content: str) -> str:
    return f"<section>\n<h2>{escape(title)}</h2>\n<p>{lead}</p>\n{content}\n</section>"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table that scrolls inside itself; the cells are HTML already, the first names its row."""
    columns = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    lines = "".join(
        f'<tr><th scope="row">{row[0]}</th>{"".join(f"<td>{cell}</td>" for cell in row[1:])}</tr>'
        for row in rows
    )
    return (
        '<div class="scroll" tabindex="0"><table class="figures">'
        f"<thead><tr>{columns}</tr></thead><tbody>{lines}</tbody></table></div>"
    )


def named(found: Comparison, model: ModelResult) -> str:
    """A model's name beside its colour and shape."""
    return f"{key(colour(found, model.choice))} {escape(label(found, model.name))}"


def header(found: Comparison) -> str:
    varied = f"Only {' and '.join(found.varied)} differs." if found.varied else "Ready models."
    if len(found.varied) > 1:
        varied = varied.replace("differs", "differ")
    title = " <i>against</i> ".join(escape(choice) for choice in choices_of(found.models))
    return (
        f"<header><p class='kicker'>regard compare</p>\n<h1>{title}</h1>\n"
        f"<p class='lead'>{escape(varied)} {escape(' to '.join(found.languages))}, "
        f"{found.test['sentences']:,} test sentences "
        f"({escape(found.test['source'])}, {escape(found.test['reference'])}), "
        f"{escape(str(found.system['date']))}.</p></header>"
    )


def verdicts(found: Comparison) -> str:
    said = "".join(
        f"<li style='border-left-color: var(--c{colour(found, choice_of(found, one.model))})'>"
        f"{verdict_line(found, one)}</li>"
        for one in found.differences
    )
    warning = (
        "<p class='note'>Each p-value stands for one comparison; with several of them, small ones "
        "come up by chance more often than they say.</p>"
        if len(found.differences) > 1
        else ""
    )
    return f"<ul class='verdicts'>{said}</ul>{warning}"


def verdict_line(found: Comparison, one: Difference) -> str:
    bleu = by_metric(one, "BLEU")
    model, baseline = (escape(label(found, name)) for name in (one.model, one.baseline))
    if bleu.p_value >= SIGNIFICANT:
        return (
            f"<b>No proven difference.</b> {model} has {signed(one.bleu, '+.1f')} BLEU against "
            f"{baseline} ({interval(one.low, one.high, '+.1f')}); chance alone can make that "
            f"({p_value(bleu)})."
        )
    way = "ahead of" if one.bleu > 0 else "behind"
    chrf = by_metric(one, "chrF2")
    return (
        f"<b>{model} is {abs(one.bleu):.1f} BLEU {way} {baseline}</b> "
        f"({interval(one.low, one.high, '+.1f')}), more than chance makes ({p_value(bleu)}); "
        f"by chrF {signed(chrf.value - chrf.baseline, '+.1f')} ({p_value(chrf)})."
    )


def by_metric(one: Difference, metric: str) -> PairedTest:
    return next(verdict for verdict in one.verdicts if verdict.metric == metric)


def interval(low: float, high: float, form: str = ".1f") -> str:
    return f"95&nbsp;%: {signed(low, form)} to {signed(high, form)}"


def signed(value: float, form: str) -> str:
    """A number with a minus sign in place of a hyphen."""
    return f"{value:{form}}".replace("-", "−")


def p_value(one: PairedTest) -> str:
    return "p&nbsp;&lt;&nbsp;0.001" if one.p_value < 0.001 else f"p&nbsp;=&nbsp;{one.p_value:.3f}"


def table_of_models(found: Comparison) -> str:
    against = {one.model: one for one in found.differences}
    rows = []
    for model in found.models:
        value = {quality.name: quality.value for quality in model.quality}
        training = model.training
        tested = against.get(model.name)
        rows.append(
            [
                named(found, model),
                f"<b>{value['BLEU']:.1f}</b> <small>{model.low:.1f} to {model.high:.1f}</small>",
                f"{value['chrF2']:.1f}",
                f"{value['TER']:.1f}",
                f"{model.perplexity:,.2f}",
                p_value(by_metric(tested, "BLEU")) if tested else "baseline",
                p_value(by_metric(tested, "chrF2")) if tested else "baseline",
                f"{model.parameters / 1e6:.2f}&nbsp;M",
                f"{training.updates:,} <small>kept {training.kept:,}</small>"
                if training.updates
                else "not known",
                f"{training.minutes:.1f}&nbsp;min" if training.updates else "not known",
                f"{model.speed:,.1f}/s",
                f"{model.truncated:,}",
            ]
        )
    head = (
        "model", "BLEU, 95 %", "chrF", "TER", "perplexity", "p, BLEU", "p, chrF", "parameters",
        "updates", "training", "sentences", "cut",
    )  # fmt: skip
    lead = (
        "BLEU and chrF: the more the better. TER and perplexity: the less the better. "
        + perplexity_note(found)
        + " Speed is one measurement on one machine. <i>Cut</i> counts translations that did not "
        "end by themselves."
    )
    return section("What each is worth", lead, table(head, rows))


def perplexity_note(found: Comparison) -> str:
    if len({model.vocabulary for model in found.models}) > 1:
        return (
            "<b>These models write with different vocabularies: their perplexities cannot be "
            "compared.</b>"
        )
    return (
        "Perplexity is that of the reference, a token, its end included; it depends on the "
        "vocabulary, which is the same here."
    )


def table_of_spreads(found: Comparison) -> str:
    if all(len(spread.values) == 1 for spread in found.spreads):
        return ""
    metrics = list(dict.fromkeys(spread.metric for spread in found.spreads))
    rows = []
    for choice in choices_of(found.models):
        own = {spread.metric: spread for spread in found.spreads if spread.choice == choice}
        cells = [
            f"{own[metric].mean:,.2f} ± {own[metric].deviation:.2f} "
            f"<small>{len(own[metric].values)} seeds</small>"
            for metric in metrics
        ]
        rows.append([f"{key(colour(found, choice))} {escape(choice)}", *cells])
    lead = (
        "Mean and standard deviation over seeds: how much of a difference is luck in training. "
        "The tests above are made for each seed apart; seeds are never pooled."
    )
    return section("Over seeds", lead, table(["choice", *metrics], rows))


def legend(found: Comparison) -> str:
    keys = "".join(
        f"<li>{key(colour(found, choice))} {escape(choice)}</li>"
        for choice in choices_of(found.models)
    )
    return f"<ul class='legend'>{keys}</ul>"


def by_length_section(found: Comparison) -> str:
    buckets = found.models[0].buckets
    ticks = [
        Tick(float(place), bucket.words, f"n = {bucket.sentences:,}")
        for place, bucket in enumerate(buckets)
    ]
    lines = [
        Line(
            colour(found, model.choice),
            label(found, model.name),
            [
                Point(float(place), one.bleu, one.low, one.high)
                for place, one in enumerate(model.buckets)
            ],
        )
        for model in found.models
    ]
    axes = Axes("BLEU by the length of the source", "words of the source", "BLEU", ticks, True)
    rows = [
        [
            named(found, model),
            *(
                f"{one.bleu:.1f} <small>{one.low:.1f} to {one.high:.1f}</small>"
                for one in model.buckets
            ),
        ]
        for model in found.models
    ]
    few = [one.words for one in buckets if one.sentences < FEW]
    warning = f" Fewer than {FEW} sentences: {', '.join(few)}." if few else ""
    lead = (
        "Can it carry a long sentence? BLEU in buckets by the words of the source; the bands hold "
        f"95 of 100 test sets like this one (bootstrap over the sentences of a bucket).{warning}"
    )
    head = ["words", *(f"{tick.label} ({tick.below})" for tick in ticks)]
    chart = f"<figure class='scroll chart'>{line_chart(lines, axes)}</figure>"
    return section("By length", lead, f"{legend(found)}{chart}{table(head, rows)}")


def curves_section(found: Comparison) -> str:
    known = [model for model in found.models if model.training.curve]
    if not known:
        return ""
    last = max(point.update for model in known for point in model.training.curve)
    ticks = [Tick(at, f"{at:,.0f}", "") for at in round_steps(0.0, float(last), 5) if at <= last]
    charts = []
    for name, zero in (("BLEU", True), ("loss", False)):
        lines = [
            Line(
                colour(found, model.choice),
                label(found, model.name),
                [curve_point(point, name) for point in model.training.curve],
            )
            for model in known
        ]
        axes = Axes(f"{name} on the validation text", "updates", f"validation {name}", ticks, zero)
        charts.append(f"<figure class='scroll chart'>{line_chart(lines, axes)}</figure>")
    lead = (
        "How each learned: BLEU (greedy search) and loss (nats a token) on the validation text, "
        "which is not the test text."
    )
    return section(
        "While they learned", lead, f"{legend(found)}<div class='pair'>{''.join(charts)}</div>"
    )


def curve_point(point: Validation, name: str) -> Point:
    value = point.bleu if name == "BLEU" else point.loss
    return Point(float(point.update), value, value, value)


def cases_section(found: Comparison) -> str:
    if not found.examples:
        return ""
    lead = (
        "The same sentences by each model. <mark>Marked</mark> words are not in the reference at "
        "that place; words of the reference that are missing stand below. It is a comparison word "
        "by word: another good wording is marked too. Those drawn at random show what is usual, "
        "those chosen show the extremes, by the chrF of the sentence."
    )
    cards = "".join(case_card(found, case) for case in found.examples)
    return section("The same sentences", lead, f"<div class='cards'>{cards}</div>")


def case_card(found: Comparison, case: Example) -> str:
    source, target = found.languages
    rows = []
    for one in case.translations:
        marked = compare_words(one.text, case.reference)
        missing = " · ".join(map(escape, marked.missing))
        rows.append(
            f"<dt>{key(colour(found, choice_of(found, one.model)))} "
            f"{escape(label(found, one.model))} <small>chrF {one.chrf:.0f}</small></dt>"
            f"<dd lang='{escape(target)}'>{marked_html(marked) or '<i>nothing</i>'}"
            + (f"<p class='missing'><b>missing</b> {missing}</p>" if missing else "")
            + "</dd>"
        )
    return (
        f"<article><p class='why'>Line {case.line:,}, {escape(why(found, case.why))}</p><dl>"
        f"<dt>source</dt><dd lang='{escape(source)}'>{escape(case.source)}</dd>"
        f"<dt>reference</dt><dd lang='{escape(target)}'>{escape(case.reference)}</dd>"
        f"{''.join(rows)}</dl></article>"
    )


def why(found: Comparison, text: str) -> str:
    """How a sentence was chosen, with the names that the page uses."""
    return " ".join(
        label(found, word) if word in {model.name for model in found.models} else word
        for word in text.split(" ")
    )


def choice_of(found: Comparison, name: str) -> str:
    return next(model.choice for model in found.models if model.name == name)


def looks_section(found: Comparison) -> str:
    if not found.reorderings:
        return ""
    scores = {model.name: model.attention for model in found.models}
    lead = (
        "Each row is a word that the model wrote, each column a word that it read; the numbers say "
        "how much it looked there, in percent (subwords are put together to words). These are the "
        "sentences in which the looks of one model cross most: words change places."
    )
    if "none" in scores.values():
        lead += (
            " A model without attention sees nothing but the final state, at &lt;/s&gt;: it has "
            "one straight column, and cannot show which word became which."
        )
    cards = "".join(looks_card(found, one) for one in found.reorderings)
    return section("Where they look", lead, f"<div class='cards looks'>{cards}</div>")


def looks_card(found: Comparison, one: Reordering) -> str:
    maps = "".join(heat_map(look, label(found, look.model)) for look in one.attention_maps)
    line = f"Line {one.line:,}" if one.line else "Not from the test text"
    return (
        f"<article><p class='why'>{line}</p>"
        f"<p class='sentence' lang='{escape(found.languages[0])}'>{escape(one.source)}</p>"
        f"<p class='sentence faint' lang='{escape(found.languages[1])}'>{escape(one.reference)}</p>"
        f"<div class='maps'>{maps}</div></article>"
    )


def how_section(found: Comparison) -> str:
    test = TESTS[found.method]
    signatures = [
        (verdict.metric, verdict.signature)
        for one in found.differences[:1]
        for verdict in one.verdicts
    ] + [(quality.name, quality.signature) for quality in found.models[0].quality]
    rows = [[escape(name), f"<code>{escape(text)}</code>"] for name, text in signatures]
    machine = ", ".join(f"{escape(name)} {escape(str(it))}" for name, it in found.system.items())
    alike = (
        "Every model saw the same text in the same order, for the same number of updates at most, "
        "with the same options but the one that is varied. "
        if found.varied
        else "The models were ready; this page knows nothing of what else differs between them. "
    )
    lead = (
        f"{alike}Differences are tested by {test}, two-sided, on the same sentences; "
        "the baseline is the first choice. A small p-value says that the difference is not the "
        "luck of this test text; it says nothing of other texts, nor of the luck of one training."
    )
    options = "".join(
        f"<tr><th scope='row'>{escape(f'{group}.{name}')}</th><td>{escape(str(value))}</td></tr>"
        for group, part in found.options.items()
        for name, value in part.items()
    )
    shared = (
        "<details><summary>The options that all models share</summary><div class='scroll'>"
        f"<table class='figures'><tbody>{options}</tbody></table></div></details>"
        if options
        else ""
    )
    made = (
        f"<p class='note'>Made by regard {escape(found.regard)}; {machine}. All numbers "
        "stand in result.json, all translations in translations/.</p>"
    )
    return section("How it was done", lead, table(["metric", "signature"], rows) + shared + made)
