"""Sentences to look at: some drawn blindly, some chosen because the models differ, and said so."""

from collections.abc import Sequence
from random import Random

from regard.evaluation.length import bucket_members
from regard.evaluation.quality import library
from regard.evaluation.significance import System
from regard.experiment.evaluate import open_model
from regard.experiment.plan import Plan, TestSet
from regard.experiment.reordering import Pairs, attention_maps, crossing_score
from regard.experiment.results import Example, Reordering, SystemOutput
from regard.text.spans import words

SEED = 1
RANDOM_EXAMPLES = 8
"""About so many sentences are drawn blindly, from every length alike."""
EXTREME_EXAMPLES = 3
"""Largest differences shown, either way."""
ATTENTION_MAP_SENTENCES = 300
"""Sentences among which those with the most re-ordering are sought."""
SHORTEST, LONGEST = 4, 14
"""Source words of a sentence whose looks are shown: long ones would not fit a page."""
REORDERINGS = 4


def choose_examples(
    test: TestSet, systems: Sequence[System], lengths: tuple[int, ...]
) -> list[Example]:
    """Some of every length, drawn blindly; then where each model is furthest ahead of the baseline
    and furthest behind it, by the chrF of the sentence.
    """
    chosen = dict.fromkeys(drawn_lines(test, lengths), "drawn at random, some of every length")
    scores = [sentence_chrf(one.texts, test.references) for one in systems]
    for system, own in zip(systems[1:], scores[1:], strict=True):
        gains = [value - base for value, base in zip(own, scores[0], strict=True)]
        order = sorted(range(len(gains)), key=lambda place: (-gains[place], place))
        for place in order[:EXTREME_EXAMPLES]:
            if gains[place] > 0:
                why = f"chosen: {system.name} is furthest ahead of {systems[0].name} here"
                chosen.setdefault(place, why)
        for place in order[::-1][:EXTREME_EXAMPLES]:
            if gains[place] < 0:
                why = f"chosen: {system.name} is furthest behind {systems[0].name} here"
                chosen.setdefault(place, why)
    return [
        Example(
            why,
            place + 1,
            test.sources[place],
            test.references[place],
            [
                SystemOutput(system.name, system.texts[place], round(own[place], 1))
                for system, own in zip(systems, scores, strict=True)
            ],
        )
        for place, why in chosen.items()
    ]


def drawn_lines(test: TestSet, lengths: tuple[int, ...]) -> list[int]:
    buckets = bucket_members(test.sources, lengths)
    each = -(-RANDOM_EXAMPLES // len(buckets))
    random = Random(SEED)
    return [
        place
        for bucket in buckets
        for place in sorted(random.sample(bucket.inside, min(each, len(bucket.inside))))
    ]


def sentence_chrf(texts: Sequence[str], references: Sequence[str]) -> list[float]:
    scorer = library("sacrebleu.metrics").CHRF()
    return [
        float(scorer.sentence_score(text, [reference]).score)
        for text, reference in zip(texts, references, strict=True)
    ]


def choose_reorderings(plan: Plan, systems: Sequence[System]) -> list[Reordering]:
    """The sentences shown in any case, then those in which the looks of one model cross most.

    That model is the one whose looks cross most of all.
    """
    test = plan.test
    places = fitting_lines(test)
    translators = [open_model(one, plan) for one in plan.first_seed()]
    found = [
        attention_maps(
            translator,
            system.name,
            Pairs([test.sources[p] for p in places], [system.texts[p] for p in places]),
        )
        for translator, system in zip(translators, systems, strict=True)
    ]
    crossings = [[crossing_score(look) for look in looks] for looks in found]
    guide = max(crossings, key=sum)
    order = sorted(range(len(places)), key=lambda number: (-guide[number], number))
    own = []
    for shown in plan.extra_sentences:
        looks = []
        for translator, system in zip(translators, systems, strict=True):
            text = translator.translate_sentences([shown.source])[0].text
            looks += attention_maps(translator, system.name, Pairs([shown.source], [text]))
        own.append(Reordering(0, shown.source, shown.reference, looks))
    return own + [
        Reordering(
            places[number] + 1,
            test.sources[places[number]],
            test.references[places[number]],
            [looks[number] for looks in found],
        )
        for number in order[:REORDERINGS]
        if guide[number] > 0
    ]


def fitting_lines(test: TestSet) -> list[int]:
    """Up to `LOOKED_AT` lines whose sources fit a page, drawn blindly, in order."""
    fitting = [
        place
        for place, source in enumerate(test.sources)
        if SHORTEST <= len(words(source)) <= LONGEST
    ]
    return sorted(Random(SEED).sample(fitting, min(ATTENTION_MAP_SENTENCES, len(fitting))))
