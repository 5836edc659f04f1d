"""Sentences for the report: some drawn at random, some chosen for how the models differ."""

from collections.abc import Sequence
from random import Random

from regard.evaluation.length import bucket_members
from regard.evaluation.significance import System
from regard.evaluation.statistics import chrf_of
from regard.experiment.evaluate import open_model
from regard.experiment.plan import Plan, TestSet
from regard.experiment.reordering import attention_maps, crossing_score
from regard.experiment.results import ComparedSentence, Reordering, SystemOutput
from regard.text.spans import words

EXAMPLES_SEED = 1
RANDOM_EXAMPLES = 8
"""About so many sentences are drawn at random, equally many of each length bucket."""
EXTREME_EXAMPLES = 3
"""Largest differences shown, in either direction."""
ATTENTION_MAP_SENTENCES = 300
"""Sentences among which those with the most reordering are chosen."""
MIN_SOURCE_WORDS, MAX_SOURCE_WORDS = 4, 14
"""Of a sentence whose attention maps are shown: maps of long sentences do not fit on a page."""
REORDERINGS = 4


def choose_examples(
    test: TestSet, systems: Sequence[System], lengths: tuple[int, ...]
) -> list[ComparedSentence]:
    """Some sentences of every length, drawn at random; then those in which each model is furthest
    ahead of the baseline and furthest behind it, by the chrF of the sentence.
    """
    chosen = dict.fromkeys(random_lines(test, lengths), "drawn at random, some of every length")
    scores = [chrf_of(system.counts["chrF2"]).tolist() for system in systems]
    for system, system_scores in zip(systems[1:], scores[1:], strict=True):
        gains = [value - base for value, base in zip(system_scores, scores[0], strict=True)]
        order = sorted(range(len(gains)), key=lambda index: (-gains[index], index))
        for sign, way, indices in ((1, "ahead of", order), (-1, "behind", order[::-1])):
            for index in indices[:EXTREME_EXAMPLES]:
                if sign * gains[index] > 0:
                    why = f"chosen: {system.name} is furthest {way} {systems[0].name} here"
                    chosen.setdefault(index, why)
    return [
        ComparedSentence(
            why,
            index + 1,
            test.sources[index],
            test.references[index],
            [
                SystemOutput(system.name, system.texts[index], round(system_scores[index], 1))
                for system, system_scores in zip(systems, scores, strict=True)
            ],
        )
        for index, why in chosen.items()
    ]


def random_lines(test: TestSet, lengths: tuple[int, ...]) -> list[int]:
    """Indices of sentences, equally many of each bucket, in order."""
    buckets = bucket_members(test.sources, lengths)
    share = -(-RANDOM_EXAMPLES // len(buckets))
    random = Random(EXAMPLES_SEED)
    return [
        index
        for bucket in buckets
        for index in sorted(random.sample(bucket.indices, min(share, len(bucket.indices))))
    ]


def choose_reorderings(plan: Plan, systems: Sequence[System]) -> list[Reordering]:
    """The extra sentences of the plan, then the test sentences with the most reordering.

    Reordering is measured in the attention of the model in which it is largest in total.
    """
    test = plan.test
    lines = short_lines(test)
    translators = [open_model(model, plan) for model in plan.first_seed()]
    sources = [test.sources[line] for line in lines]
    maps_by_system = [
        attention_maps(translator, system.name, sources, [system.texts[line] for line in lines])
        for translator, system in zip(translators, systems, strict=True)
    ]
    scores = [[crossing_score(each) for each in maps] for maps in maps_by_system]
    most = max(scores, key=sum)
    order = sorted(range(len(lines)), key=lambda index: (-most[index], index))
    reorderings = []
    for extra in plan.extra_sentences:
        maps = []
        for translator, system in zip(translators, systems, strict=True):
            text = translator.translate_sentences([extra.source])[0].text
            maps += attention_maps(translator, system.name, [extra.source], [text])
        reorderings.append(Reordering(0, extra.source, extra.reference, maps))
    return reorderings + [
        Reordering(
            lines[index] + 1,
            test.sources[lines[index]],
            test.references[lines[index]],
            [maps[index] for maps in maps_by_system],
        )
        for index in order[:REORDERINGS]
        if most[index] > 0
    ]


def short_lines(test: TestSet) -> list[int]:
    """Indices of up to `ATTENTION_MAP_SENTENCES` sources that fit on a page, drawn at random, in
    order."""
    short = [
        index
        for index, source in enumerate(test.sources)
        if MIN_SOURCE_WORDS <= len(words(source)) <= MAX_SOURCE_WORDS
    ]
    return sorted(Random(EXAMPLES_SEED).sample(short, min(ATTENTION_MAP_SENTENCES, len(short))))
