"""The grammar of the built-in lesson: English and French phrases with linked words."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from regard.lesson.words import (
    BE,
    BEFORE_NOUN,
    DETERMINERS,
    HAVE,
    MANNERS,
    ME,
    MODALS,
    MOVES,
    NEGATIONS,
    OFTEN,
    ONE,
    PRONOUNS,
    RANK,
    STATES,
    THEY,
    WE,
    Adjective,
    Noun,
    Pronoun,
    Verb,
    plural,
    with_s,
)

# What a sentence is made of: words on two sides that share meanings.


class Meaning:
    """A link between a word and its translation; compared by identity."""


class Word(NamedTuple):
    text: str
    meanings: tuple[Meaning, ...]
    """The word is linked to every word of the other side that has one of these."""
    content: bool = False
    """Whether it is a noun, an adjective, an adverb, or a verb but no auxiliary."""
    before_vowel: str = ""
    """Its form before a vowel, if that differs."""


@dataclass(slots=True)
class Phrase:
    source: tuple[Word, ...] = ()
    target: tuple[Word, ...] = ()

    def __add__(self, other: "Phrase") -> "Phrase":
        return Phrase(self.source + other.source, self.target + other.target)


ARTICLE = {"a": "an"}
ELIDED = {"le": "l'", "la": "l'", "de": "d'", "ne": "n'", "que": "qu'", "je": "j'", "me": "m'"}
ELIDED |= {"ce": "cet", "ma": "mon", "sa": "son"}
VIEIL = {"beau": "bel", "nouveau": "nouvel", "vieux": "vieil"}
CONTRACTED = {("de", "le"): "du", ("de", "les"): "des", ("à", "le"): "au", ("à", "les"): "aux"}
ENGLISH_VOWEL = re.compile("[aeiou]|hon", re.IGNORECASE)
FRENCH_VOWEL = re.compile("[aâeéèêiîoôuœ]|h(?!ibou)")


def pair(english: str, french: str, content: bool = False) -> Phrase:
    """Linked words: one by one if both sides have the same number, otherwise all with all."""
    source, target = english.split(), french.split()
    meanings = [(Meaning(),) for _ in source]
    if len(source) != len(target):
        meanings = [meanings[0]] * max(len(source), len(target))
    left, right = zip(source, meanings, strict=False), zip(target, meanings, strict=False)
    return Phrase(
        tuple([Word(word, meaning, content, ARTICLE.get(word, "")) for word, meaning in left]),
        tuple([Word(word, meaning, content, ELIDED.get(word, "")) for word, meaning in right]),
    )


def contract(words: tuple[Word, ...], vowel: re.Pattern[str]) -> list[Word]:
    """The words with elisions and contractions: l' for le, cet for ce, du for de le."""
    said: list[Word] = []
    for word in reversed(words):
        text = word.text
        if said and word.before_vowel and vowel.match(said[-1].text):
            text = word.before_vowel
        if said and (text, said[-1].text) in CONTRACTED:
            both = CONTRACTED[text, said[-1].text]
            said[-1] = Word(both, word.meanings + said[-1].meanings)
        else:
            said.append(word if text is word.text else word._replace(text=text))
    return said[::-1]


def written(words: list[Word]) -> str:
    """The words with the spaces and the capital letter of a sentence."""
    text = " ".join(word.text for word in words)
    text = text.replace("' ", "'").replace(" .", ".").replace(" ,", ",")
    return text[0].upper() + text[1:]


# The grammar: phrases made from chosen words.


class Nominal(NamedTuple):
    """A noun phrase or a pronoun, with the features that a verb agrees with."""

    phrase: Phrase
    person: int
    feminine: bool
    kinds: frozenset[str]
    again: str
    """The pronoun that refers to it."""

    @property
    def plural(self) -> bool:
        return self.person >= WE


class VerbForm(NamedTuple):
    """Tense, modality, negation and adverbs of a verb."""

    tense: str = "present"
    """Or past, future, imperfect (an English past that is an imperfect in French)."""
    modal: str = ""
    """Or can, must, want: in the present only, and not with "be"."""
    negation: str = ""
    """Or not, never."""
    often: str = ""
    """An adverb of `OFTEN`, or none."""
    manner: str = ""
    """An adverb of `MANNERS`, or none."""
    asked: bool = False
    """Whether it is a question."""


class Act(NamedTuple):
    """A predicate: a verb and its objects."""

    verb: Verb
    telling: VerbForm = VerbForm()
    after: Phrase = Phrase()
    """Objects and locations, after the verb in both languages."""
    clitic: str = ""
    """A pronoun that is the object and precedes the French verb, or none."""
    ahead: Nominal | None = None
    """The object, if the predicate is a relative clause about it."""


def agreed(masculine: str, feminine: str, of: Nominal | Pronoun) -> str:
    """The form of an adjective or a participle that agrees with a noun or a pronoun."""
    form = feminine if of.feminine else masculine
    return plural(form) if of.plural else form


def quality(adjective: Adjective, of: Nominal) -> Phrase:
    """An adjective in the form that agrees."""
    form = agreed(adjective.masculine, adjective.feminine, of)
    said = pair(adjective.english, form, content=True)
    if adjective.kind not in BEFORE_NOUN or of.plural:
        return said
    return Phrase(said.source, (said.target[0]._replace(before_vowel=VIEIL.get(form, "")),))


def listed(phrases: list[Phrase]) -> Phrase:
    """One, two and three."""
    *firsts, last = phrases
    listing = last
    for place, phrase in enumerate(reversed(firsts)):
        listing = phrase + (pair(",", ",") if place else pair("and", "et")) + listing
    return listing


def joined(nominals: list[Nominal]) -> Nominal:
    """A list of nouns, which is plural, and feminine if all of them are."""
    feminine = all(nominal.feminine for nominal in nominals)
    kinds = frozenset.intersection(*(nominal.kinds for nominal in nominals))
    phrase = listed([nominal.phrase for nominal in nominals])
    return Nominal(phrase, THEY, feminine, kinds, "they f" if feminine else "they")


def pronoun(name: str) -> Nominal:
    """A pronoun as a subject."""
    row = PRONOUNS[name]
    kinds = frozenset({"person"})
    return Nominal(pair(row.subject, row.french), row.person, row.feminine, kinds, name)


def noun_phrase(
    determiner: str,
    noun: Noun,
    many: bool = False,
    adjectives: Sequence[Adjective] = (),
    praise: Sequence[Adjective] = (),
) -> Nominal:
    """A noun with its determiner, its adjectives, and a list of more of them with "and".

    Adjectives behind the French noun stand in the reverse of the English order.
    """
    one, more, masculine, feminine, several = DETERMINERS[determiner].split()
    again = ("they f" if noun.feminine else "they") if many else "it f" if noun.feminine else "it m"
    if "person" in noun.kinds and not many:
        again = "she" if noun.feminine else "he"
    bare = Nominal(Phrase(), THEY if many else ONE, noun.feminine, noun.kinds, again)
    ranked = sorted(adjectives, key=lambda adjective: RANK[adjective.english])
    forms = [quality(adjective, bare) for adjective in ranked]
    before = sum(adjective.kind in BEFORE_NOUN for adjective in ranked)
    article = several if many else agreed(masculine, feminine, bare)
    if article == "des" and before:
        article = "de"  # de petits chats
    start = pair(more if many else one, article.replace("_", " "))
    french = plural(noun.french) if many else noun.french
    name = pair(noun.english_plural if many else noun.english, french, content=True)
    praised = listed([quality(adjective, bare) for adjective in praise]) if praise else Phrase()
    source = sum(forms, start).source + praised.source + name.source
    target = sum([*forms[:before], name, *reversed(forms[before:])], start).target + praised.target
    return bare._replace(phrase=Phrase(source, target))


def english_verb(subject: Nominal, verb: Verb, telling: VerbForm) -> tuple[str, list[str]]:
    """The auxiliary, if there is one, and the other verb forms."""
    third, past = subject.person == ONE, telling.tense != "present"
    if telling.tense == "future":
        return "will", [verb.english]
    if telling.modal in ("can", "must"):
        return telling.modal, [verb.english]
    if verb is BE and past:
        return "was" if subject.person in (ME, ONE) else "were", []
    if verb is BE:
        return ("am", "is", "are", "are", "are")[subject.person], []
    main, *more = ["want", "to", verb.english] if telling.modal else [verb.english]
    if telling.asked or telling.negation == "not":
        return "did" if past else "does" if third else "do", [main, *more]
    return "", [verb.past if past else with_s(main) if third else main, *more]


def french_verb(subject: Nominal, act: Act, tense: str) -> list[str]:
    """The finite verb form, and the participle or infinitive if there is one."""
    *present, future, participle = act.verb.forms
    person = subject.person
    if act.telling.modal:
        return [MODALS[act.telling.modal].split()[person], act.verb.infinitive]
    if tense == "future":
        return [future + ("ai", "a", "ons", "ez", "ont")[person]]
    if tense == "imperfect":
        stem = "ét" if act.verb is BE else present[WE].removesuffix("ons")
        form = stem + ("ais", "ait", "ions", "iez", "aient")[person]
        return [form.replace("gei", "gi")]
    if tense == "present":
        return [present[person]]
    if act.verb.english in MOVES:
        return [BE.forms[person], agreed(participle, participle + "e", subject)]
    of = PRONOUNS[act.clitic] if act.clitic else act.ahead
    return [HAVE.forms[person], agreed(participle, participle + "e", of) if of else participle]


def predicate(subject: Nominal, act: Act) -> tuple[tuple[Word, ...], Phrase]:
    """The English auxiliary, if there is one, and the rest of the predicate."""
    verb, (tense, modal, negation, often, manner, _) = act.verb, act.telling
    if tense == "past" and verb.english in STATES:
        tense = "imperfect"
    helper_text, verbs = english_verb(subject, verb, act.telling)
    finite, *infinite = french_verb(subject, act, tense)
    doing, helper, wish, denial, along = (Meaning() for _ in range(5))
    wanted, acts = modal == "want", verb is not BE

    auxiliary: tuple[Word, ...] = ()
    if helper_text:
        auxiliary = (Word(helper_text, (helper if verbs else doing,)),)
    english = [Word(text, (doing,), acts) for text in verbs]
    if wanted:
        english[0] = Word(verbs[0], (wish,), True)
        english[1] = Word("to", (doing,))
    english += [Word(text, (along,)) for text in verb.particle.split()]
    if modal:
        first = Word(finite, (wish,), True) if wanted else Word(finite, (helper,))
    elif infinite:
        first = Word(finite, (helper if helper_text else doing,))
    else:
        first = Word(finite, (doing, along) if tense == "present" else (doing, along, helper), acts)
    last = tuple(Word(text, (doing, along), acts) for text in infinite)

    often_said = pair(often, OFTEN[often][0] if often else "", content=True)
    manner_said = pair(manner, MANNERS.get(manner, ""), content=True)
    row = PRONOUNS.get(act.clitic)
    object_said = pair(row.object, row.clitic) if row else Phrase()
    never = negation == "never"
    no = (Word(negation, (denial,), never),) if negation else ()
    ne = (Word("ne", (denial,), False, "n'"),) if negation else ()
    pas = (Word(NEGATIONS[negation], (denial,), never),) if negation else ()
    if helper_text == "can" and negation == "not":
        auxiliary, no = (Word("cannot", (helper, denial)),), ()

    early, late = (manner_said.source, ()) if verb.objects else ((), manner_said.source)
    source = (*no, *often_said.source, *early, *english, *object_said.source, *late)
    around = (first, *pas, *often_said.target)
    if modal:
        target = (*ne, *around, *object_said.target, *last)
    else:
        target = (*ne, *object_said.target, *around, *last)
    return auxiliary, Phrase(source, target + manner_said.target) + act.after


def clause(subject: Nominal, act: Act) -> Phrase:
    """A main clause or a question."""
    auxiliary, rest = predicate(subject, act)
    if not act.telling.asked:
        return subject.phrase + Phrase(auxiliary) + rest
    asking = Meaning()
    asks = tuple(word._replace(meanings=(*word.meanings, asking)) for word in auxiliary)
    whether = Word("est-ce", (asking,)), Word("que", (asking,), False, "qu'")
    return Phrase(asks, whether) + subject.phrase + rest


def does(subject: Nominal, act: Act) -> Phrase:
    """A clause without its subject, after "who" or "and"."""
    auxiliary, rest = predicate(subject, act)
    return Phrase(auxiliary) + rest
