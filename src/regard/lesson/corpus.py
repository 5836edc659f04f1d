"""The built-in teaching corpus: sentence pairs from a small grammar, with gold alignments."""

from collections.abc import Sequence
from functools import cache
from random import Random
from typing import NamedTuple, TypeVar

from regard.lesson.grammar import (
    ENGLISH_VOWEL,
    FRENCH_VOWEL,
    Act,
    Meaning,
    Nominal,
    Phrase,
    VerbForm,
    clause,
    contract,
    does,
    joined,
    listed,
    noun_phrase,
    pair,
    pronoun,
    quality,
    written,
)
from regard.lesson.words import (
    ADJECTIVE,
    ANIMAL,
    BE,
    BEFORE_NOUN,
    JOINERS,
    LIVING,
    LOOSE,
    MANY,
    NOUN,
    OFTEN,
    OPPOSITE,
    OUTER,
    OWNERS,
    PERSON,
    PERSONS,
    PLACELESS,
    PLACES,
    PREPOSITIONS,
    PRONOUNS,
    STATES,
    SURE,
    THINGS,
    TIMES,
    UNWANTED,
    VERB,
    WORN,
    Adjective,
    Noun,
    Verb,
)

MAX_WORDS = 40
"""The maximum length of the English side, in words."""


class Example(NamedTuple):
    source: str
    """A sentence in English."""
    target: str
    """Its translation into French."""
    links: frozenset[tuple[int, int]]
    """Pairs of word indices (source, target), in the words of `spans.words`, that correspond."""
    content: frozenset[tuple[int, int]]
    """The links between content words: nouns, adjectives, adverbs, and verbs but auxiliaries."""


class Lesson(NamedTuple):
    train: list[Example]
    """The training examples."""
    test: list[Example]
    """Examples whose English sentence is not in `train`."""


def example(phrase: Phrase) -> Example:
    """The sentence pair of a phrase, with its links."""
    source, target = contract(phrase.source, ENGLISH_VOWEL), contract(phrase.target, FRENCH_VOWEL)
    places: dict[Meaning, list[int]] = {}
    for place, word in enumerate(target):
        for meaning in word.meanings:
            places.setdefault(meaning, []).append(place)
    links = {
        (number, place)
        for number, word in enumerate(source)
        for meaning in word.meanings
        for place in places.get(meaning, ())
    }
    content = {(s, t) for s, t in links if source[s].content and target[t].content}
    english = written(source).replace(" ?", "?")
    return Example(english, written(target), frozenset(links), frozenset(content))


EXAMPLE = example(
    clause(
        noun_phrase("the", NOUN["cat"], adjectives=(ADJECTIVE["black"],)),
        Act(VERB[2], VerbForm("past"), noun_phrase("the", NOUN["mouse"]).phrase),
    )
    + pair(".", ".")
)
"""The black cat ate the mouse. No lesson contains it, but lessons contain all its words."""


# The author: phrases of randomly chosen words.


@cache
def nouns_of(kinds: frozenset[str]) -> list[Noun]:
    return [noun for noun in NOUN.values() if noun.kinds & kinds]


@cache
def adjectives_of(kinds: frozenset[str]) -> list[Adjective]:
    return [adjective for adjective in ADJECTIVE.values() if adjective.kinds & kinds]


@cache
def verbs_of(subjects: frozenset[str]) -> list[Verb]:
    return [verb for verb in VERB if verb.subjects & subjects]


@cache
def verbs_with(subjects: frozenset[str], objects: frozenset[str]) -> list[Verb]:
    return [verb for verb in VERB if verb.subjects & subjects and verb.objects & objects]


Item = TypeVar("Item", Noun, Adjective, Verb)


class Author:
    """Generates random sentences, in which words are repeated only if there are no others."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.told: set[str] = set()
        self.living = 0
        """The number of persons and animals in the current sentence."""
        self.dated = False
        """Whether the current sentence names a day."""
        self.rich = 0.0
        """How many modifiers the current sentence gets, from 0 to 1."""

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def fresh(self, choices: list[Item]) -> Item:
        """One of the choices, preferably one that the sentence does not contain yet."""
        new = [choice for choice in choices if choice.english not in self.told]
        chosen = self.random.choice(new or choices)
        self.told.add(chosen.english)
        self.told |= OPPOSITE.get(chosen.english, set())
        return chosen

    def adjectives(self, noun: Noun) -> tuple[Adjective, ...]:
        """Adjectives for a noun: at most one of each class, and one of all inner classes."""
        weights = (6 - 3 * self.rich, 6, 4 * self.rich, self.rich)
        taken: dict[str, Adjective] = {}
        for _ in range(self.random.choices((0, 1, 2, 3), weights)[0]):
            adjective = self.fresh(adjectives_of(noun.kinds))
            self.told.add(adjective.kind)
            taken[adjective.kind if adjective.kind in OUTER else "inner"] = adjective
        return tuple(taken.values())

    def praise(self, kinds: frozenset[str]) -> Sequence[Adjective]:
        """One to three adjectives of different classes, for a list."""
        apart = [a for a in adjectives_of(kinds) if a.kind not in OUTER | BEFORE_NOUN]
        chosen = [self.fresh(apart or adjectives_of(kinds))]
        for _ in range(self.random.choice((0, 1, 1, 2))):
            others = [a for a in apart if a.kind not in {b.kind for b in chosen}]
            chosen += [self.fresh(others)] if others else []
        return chosen

    def nominal(self, kinds: frozenset[str], sure: bool = False, deep: bool = True) -> Nominal:
        """A noun phrase: definite if `sure`, without nested phrases if not `deep`."""
        noun = self.fresh(nouns_of(kinds))
        self.living += bool(noun.kinds & LIVING)
        determiner = self.random.choice(SURE if sure else LOOSE)
        if "free" in noun.kinds and determiner in OWNERS:
            determiner = "the"
        many = determiner in MANY or self.chance(0.1 if noun.kinds & PLACES else 0.3)
        if "mass" in noun.kinds:
            many, determiner = False, determiner if determiner in SURE else "some"
        if not deep:
            return noun_phrase(determiner, noun, many)
        if "person" in noun.kinds and self.chance(0.15 * self.rich):
            head = noun_phrase(determiner, noun, many, praise=self.praise(noun.kinds))
        else:
            head = noun_phrase(determiner, noun, many, self.adjectives(noun))
        phrase = head.phrase
        if self.chance(0.25 * self.rich):
            phrase += self.complement(noun, determiner)
        elif self.chance(0.5 * self.rich):
            phrase += self.relative(head)
        return head._replace(phrase=phrase)

    def complement(self, noun: Noun, determiner: str) -> Phrase:
        """A complement of a noun: a location, an owner, or something that a person has."""
        if "person" in noun.kinds and self.chance(0.5):
            return pair("with", "avec") + self.nominal(WORN).phrase
        if noun.kinds & LIVING:
            return self.where()
        if determiner == "the" and not noun.kinds & {"mass", "free"}:
            return pair("of", "de") + self.nominal(PERSON, sure=True, deep=False).phrase
        return Phrase()

    def where(self) -> Phrase:
        preposition = self.random.choice(list(PREPOSITIONS))
        french, kinds = PREPOSITIONS[preposition]
        place = self.nominal(frozenset(kinds.split()), sure=True, deep=self.chance(self.rich / 2))
        return pair(preposition, french) + place.phrase

    def subject(self) -> Nominal:
        if self.chance(0.2):
            return pronoun(self.random.choice(PERSONS))
        if self.chance(0.08):
            return self.nominal(THINGS, sure=True)
        kinds = self.random.choice((PERSON, PERSON, ANIMAL))
        if self.chance(0.08):
            number = self.random.choice((2, 2, 3))
            return joined([self.nominal(kinds, deep=False) for _ in range(number)])
        return self.nominal(kinds)

    def telling(self, verb: Verb, tense: str, asked: bool = False) -> VerbForm:
        """The form of a verb: with a modal verb, a negation or an adverb, or without."""
        choose = self.random.choice
        modal = negation = often = manner = ""
        if tense == "present" and verb.english not in UNWANTED and self.chance(0.25):
            modal = choose(("can", "want") if asked else ("can", "must", "want"))
        if not asked and tense != "imperfect" and self.chance(0.16):
            negation = "not" if verb is BE else choose(("not", "not", "never"))
        free = not self.dated and tense != "imperfect" and verb is not BE
        if free and negation != "never" and self.chance(0.15):
            needs = {tense, "not"} if negation else {tense}
            often = choose([word for word in OFTEN if needs <= set(OFTEN[word][1].split())])
        elif not negation and modal != "want" and verb.manners and self.chance(0.25):
            manner = choose(verb.manners)
        return VerbForm(tense, modal, negation, often, manner, asked)

    def being(self, subject: Nominal, tense: str, asked: bool = False) -> Act:
        """A predicate that describes the subject."""
        telling = self.telling(BE, tense, asked)
        fit = adjectives_of(subject.kinds)
        one = (self.fresh([a for a in fit if a.kind not in self.told] or fit),)
        praise = one if telling.negation or self.chance(0.5) else self.praise(subject.kinds)
        like = listed([quality(adjective, subject) for adjective in praise])
        return Act(BE, telling, like)

    def act(self, subject: Nominal, tense: str, asked: bool = False) -> Act:
        """A predicate that the subject can perform."""
        verbs = verbs_of(subject.kinds)
        if not verbs or self.chance(0.12):
            return self.being(subject, tense, asked)
        verb = self.fresh(verbs)
        telling = self.telling(verb, tense, asked)
        after, clitic = Phrase(), ""
        if "person" in verb.objects and self.chance(0.3):
            others = [name for name in PERSONS if PRONOUNS[name].person != subject.person]
            clitic = self.random.choice(others)
        elif verb.objects:
            thing = self.nominal(
                verb.objects, sure=bool(telling.negation) or verb.english == "love"
            )
            after = thing.phrase
            if not (asked or telling.modal or telling.negation or verb.to) and self.chance(0.15):
                return Act(verb, telling, after + self.deed_with(subject, verb, thing, tense))
        if verb.to:
            after += pair("to", "à") + self.nominal(verb.to, sure=True, deep=False).phrase
        elif verb.english not in PLACELESS and self.chance(0.15 + 0.2 * self.rich):
            after += self.where()
        return Act(verb, telling, after, clitic)

    def deed_with(self, subject: Nominal, first: Verb, thing: Nominal, tense: str) -> Phrase:
        """A second verb with the same object: "and read it"."""
        fit = verbs_with(subject.kinds, thing.kinds)
        verbs = [v for v in fit if not v.to and v.english not in STATES | {first.english}]
        if first.english in ("eat", "drink") or not verbs:
            return Phrase()
        second = Act(self.fresh(verbs), VerbForm(tense), clitic=thing.again)
        return pair("and", "et") + does(subject, second)

    def relative(self, head: Nominal) -> Phrase:
        """A relative clause, in which the noun is the subject or the object."""
        tense = self.random.choice(("past", "past", "present"))
        kinds = PERSON if self.chance(0.7) else ANIMAL
        verbs = [verb for verb in verbs_with(kinds, head.kinds) if not verb.to]
        if verbs and self.chance(0.6 if head.kinds & LIVING else 0.85):
            verb = self.fresh(verbs)
            agent = self.nominal(verb.subjects & LIVING or kinds, deep=False)
            if "person" in agent.kinds and self.chance(0.3):
                agent = pronoun(self.random.choice(PERSONS))
            act = Act(verb, self.telling(verb, tense), ahead=head)
            return pair("that", "que") + clause(agent, act)
        rich, self.rich = self.rich, 0.0
        act = self.act(head, tense)
        self.rich = rich
        return pair("who" if "person" in head.kinds else "that", "qui") + does(head, act)

    def again(self, subject: Nominal) -> Nominal:
        """A pronoun for the subject if it is unambiguous, or else another subject."""
        if self.living <= 1 and subject.kinds & LIVING and self.chance(0.7):
            return pronoun(subject.again)._replace(kinds=subject.kinds)
        if self.chance(0.15):
            return pronoun(self.random.choice(("I", "we", "you")))
        return self.nominal(self.random.choice((PERSON, PERSON, ANIMAL)))

    def sentence(self) -> Phrase:
        self.told, self.living, self.dated = set(), 0, self.chance(0.15)
        self.rich = self.random.choice((0.0, 0.3, 0.6, 1.0))
        tense = self.random.choice(("present", "past", "past", "future"))
        subject = self.subject()
        if self.chance(0.12):
            return clause(subject, self.act(subject, tense, asked=True)) + pair("?", "?")
        phrase = Phrase()
        if self.dated:
            phrase = pair(*TIMES[tense], content=True) + pair(",", ",")
        phrase += clause(subject, self.act(subject, tense))
        joiners = [joiner for joiner in JOINERS if joiner != "while" or tense != "future"]
        for joiner in self.random.sample(joiners, self.random.choice((0, 0, 1, 1, 2))):
            subject = self.again(subject)
            meanwhile = "imperfect" if joiner == "while" and tense == "past" else tense
            act = self.act(subject, meanwhile)
            phrase += pair(joiner, JOINERS[joiner]) + clause(subject, act)
        return phrase + pair(".", ".")


def examples(count: int, seed: int) -> list[Example]:
    """`count` different English sentences with translations, the same for the same seed.

    `EXAMPLE` is not among them, so that a model can be tested on it.
    """
    author = Author(Random(seed))
    found: dict[str, Example] = {}
    while len(found) < count:
        phrase = author.sentence()
        if len(phrase.source) > MAX_WORDS:
            continue
        made = example(phrase)
        if made.source != EXAMPLE.source:
            found.setdefault(made.source, made)
    given = list(found.values())
    author.random.shuffle(given)  # few short sentences exist, so later ones would be longer
    return given


def split_lesson(train: int, test: int, seed: int) -> Lesson:
    """`train` and `test` different examples."""
    given = examples(train + test, seed)
    return Lesson(given[:train], given[train:])
