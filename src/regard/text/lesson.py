"""The built-in teaching corpus, made by a small grammar, with gold alignments."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import NamedTuple, TypeVar


class Example(NamedTuple):
    source: str
    """A sentence in English."""
    target: str
    """Its translation into French."""
    links: frozenset[tuple[int, int]]
    """Numbers of words, as `spans.words` counts them, that translate each other."""
    content: frozenset[tuple[int, int]]
    """The links between nouns, adjectives, adverbs and verbs other than auxiliaries and "be"."""


class Lesson(NamedTuple):
    train: list[Example]
    """Examples to learn from."""
    test: list[Example]
    """Examples whose English side is not in `train`."""


# What a sentence is made of: words on two sides that share meanings.


class Meaning:
    """What a word and its translation share; only its identity counts."""


class Word(NamedTuple):
    text: str
    meanings: tuple[Meaning, ...]
    """It is linked with every word of the other side that has one of these."""
    content: bool = False
    """Whether it is a noun, an adjective, an adverb or a verb that is no mere auxiliary."""
    before_vowel: str = ""
    """What it becomes before a vowel, if anything."""


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
    """Words that translate each other: one by one if both sides have as many, else all by all."""
    source, target = english.split(), french.split()
    meanings = [(Meaning(),) for _ in source]
    if len(source) != len(target):
        meanings = [meanings[0]] * max(len(source), len(target))
    left, right = zip(source, meanings, strict=False), zip(target, meanings, strict=False)
    return Phrase(
        tuple([Word(word, meaning, content, ARTICLE.get(word, "")) for word, meaning in left]),
        tuple([Word(word, meaning, content, ELIDED.get(word, "")) for word, meaning in right]),
    )


def spoken(words: tuple[Word, ...], vowel: re.Pattern[str]) -> list[Word]:
    """The words as they sound one after the other: l' for le, cet for ce, du for de le."""
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


def example(phrase: Phrase) -> Example:
    """A phrase written out, with its links."""
    source, target = spoken(phrase.source, ENGLISH_VOWEL), spoken(phrase.target, FRENCH_VOWEL)
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


# The vocabulary. Kinds say what goes with what: who eats what, what can be red.

NOUNS = {
    "person adult": "farmer fermier m",
    "person adult free": "man/men homme m, woman/women femme f",
    "person adult role": "king roi m, queen reine f, teacher professeur m, doctor médecin m, "
    "friend ami m, neighbour voisin m",
    "person role": "student étudiant m, nurse infirmière f",
    "person child": "boy garçon m, girl fille f, child/children enfant m",
    "person": "sister sœur f",
    "animal predator": "cat chat m, dog chien m, fox renard m, wolf/wolves loup m, owl hibou m",
    "animal grazer": "horse cheval m, cow vache f, goat chèvre f",
    "animal prey": "mouse/mice souris f, rabbit lapin m, squirrel écureuil m, hen poule f",
    "animal prey singer": "bird oiseau m",
    "item text tale openable": "book livre m, letter lettre f",
    "item text": "newspaper journal m",
    "text tale": "story histoire f",
    "thing item": "key clé f, lamp lampe f, clock horloge f",
    "thing item worn": "hat chapeau m, umbrella parapluie m",
    "thing item worn washable": "coat manteau m",
    "thing item openable": "box boîte f",
    "thing washable": "car voiture f",
    "thing washable cover": "table table f",
    "thing cover": "bed lit m",
    "thing openable": "door porte f, window fenêtre f",
    "plant": "flower fleur f",
    "plant cover": "tree arbre m",
    "food": "orange orange f, cake gâteau m, egg œuf m",
    "food fodder": "apple pomme f",
    "food mass": "soup soupe f",
    "food fodder mass": "cheese fromage m, bread pain m",
    "drink mass": "water eau f, milk lait m",
    "hot-drink mass": "coffee café m",
    "place building": "house maison f",
    "place building goal free": "school école f, hospital hôpital m, church église f, "
    "hotel hôtel m, library bibliothèque f, market marché m",
    "place": "kitchen cuisine f, garden jardin m",
    "place free": "forest forêt f, village village m",
    "water free": "river rivière f",
    "shore free": "island île f, beach plage f",
}
"""English, French and gender, by kinds."""

VERBS = """
eat/ate | manger | person > food | slowly quickly
eat/ate | manger | grazer prey > fodder | slowly quickly
eat/ate | manger | predator > prey | slowly quickly
drink/drank | boire bois boit buvons buvez boivent boir bu | person > drink hot-drink | slowly
drink/drank | boire bois boit buvons buvez boivent boir bu | animal > drink | quickly
hunt | chasser | predator > prey | patiently
follow | suivre suis suit suivons suivez suivent suivr suivi | person animal > person animal
see/saw | voir vois voit voyons voyez voient verr vu | person animal > person animal thing plant
hear/heard | entendre | person animal > person animal
look at | regarder | person animal > person animal thing plant building
listen to | écouter | person > person singer | patiently
wait for | attendre | person > person | patiently
look for | chercher | person > person animal item | patiently
love | aimer | person > person animal food drink hot-drink text place
believe | croire crois croit croyons croyez croient croir cru | person > person
have/had | avoir ai a avons avez ont aur eu | person > animal thing text plant food
find/found | trouver | person > animal item plant | quickly
lose/lost | perdre | person > item
forget/forgot | oublier | person > item
take/took | prendre prends prend prenons prenez prennent prendr pris | person > item food
carry | porter | person > item child | slowly
buy/bought | acheter achète achète achetons achetez achètent achèter acheté | person > thing food
sell/sold | vendre | person > thing food grazer | quickly
open | ouvrir ouvre ouvre ouvrons ouvrez ouvrent ouvrir ouvert | person > openable | slowly
close | fermer | person > openable | slowly quickly
wash | laver | person > washable | slowly quickly
read/read | lire lis lit lisons lisez lisent lir lu | person > text | slowly quickly
write/wrote | écrire écris écrit écrivons écrivez écrivent écrir écrit | person > tale | slowly
draw/drew | dessiner | person > animal plant building | slowly
help | aider | person > person | patiently
meet/met | rencontrer | person > person
visit | visiter | person > place shore
give/gave | donner | person > item food plant > person
show/showed | montrer | person > item animal plant > person | patiently
send/sent | envoyer envoie envoie envoyons envoyez envoient enverr envoyé | person > item > person
speak/spoke | parler | person > > person | slowly quietly
sleep/slept | dormir dors dort dormons dormez dorment dormir dormi | person animal | quietly
work | travailler | person | slowly quickly quietly
sing/sang | chanter | person singer | quietly
run/ran | courir cours court courons courez courent courr couru | person animal | quickly
go/went | aller vais va allons allez vont ir allé | person > > goal | slowly quickly
arrive | arriver | person animal | slowly quickly quietly
leave/left | partir pars part partons partez partent partir parti | person animal | slowly quickly
fall/fell | tomber | person animal
stay | rester | person animal
"""
"""English/past | French (if irregular: present, future stem, participle) | who > what > to | how"""
STATES = {"be", "love", "believe", "have"}
"""Verbs whose simple past is the French imperfect."""
MOVES = {"go", "arrive", "leave", "fall", "stay"}
"""Verbs whose compound past takes être and agrees with the subject."""
PLACELESS = STATES | {"go", "arrive", "leave", "visit", "give", "send", "hear"}
"""Verbs that no place is told of: "leave behind the house" would be another verb."""
UNWANTED = STATES | {"fall", "lose", "forget"}
"""Verbs without can, must or want."""

ADJECTIVES = {
    "opinion | animal thing place plant shore water": "beautiful beau belle",
    "opinion | thing building shore": "lovely joli jolie",
    "worth | role food text": "good bon bonne",
    "worth | hot-drink": "bad mauvais mauvaise",
    "measure | animal thing place child plant": "small petit petite",
    "measure | animal thing place plant water": "big grand grande",
    "measure | adult animal thing place text": "old vieux vieille",
    "measure | person animal": "young jeune jeune",
    "measure | thing building text": "new nouveau nouvelle",
    "measure | text": "long long longue",
    "mind | person": "intelligent intelligent intelligente, honest honnête honnête, "
    "polite poli polie, patient patient patiente, curious curieux curieuse",
    "temper | person predator": "brave courageux courageuse, lazy paresseux paresseuse",
    "body | person animal": "strong fort forte, tired fatigué fatiguée",
    "mood | person animal": "happy heureux heureuse, sad triste triste",
    "fortune | adult": "rich riche riche, poor pauvre pauvre",
    "fame | person building": "famous célèbre célèbre",
    "fame | place shore water": "quiet calme calme",
    "state | washable": "clean propre propre, dirty sale sale",
    "weight | item": "heavy lourd lourde",
    "price | thing": "expensive cher chère",
    "interest | text": "boring ennuyeux ennuyeuse, interesting intéressant intéressante",
    "taste | food": "delicious délicieux délicieuse, fresh frais fraîche",
    "heat | drink hot-drink": "cold froid froide, hot chaud chaude",
    "colour | animal thing": "black noir noire, white blanc blanche, brown brun brune, "
    "grey gris grise",
    "colour | thing": "red rouge rouge, blue bleu bleue, green vert verte",
    "origin | thing text food": "Italian italien italienne, German allemand allemande",
}
"""English, French masculine and feminine, by class (in the order of English) and kinds."""
BEFORE_NOUN = {"opinion", "worth", "measure"}
"""Classes of adjectives that stand before the French noun."""
OUTER = {"opinion", "measure", "colour", "origin"}
"""Classes that go with another adjective without "and": the small tired black cat."""

OPPOSITES = {"happy sad", "strong tired", "brave lazy", "rich poor", "clean dirty", "cold hot"}
OPPOSITES |= {"old young", "old new", "small big", "boring interesting"}

OFTEN = {
    "often": ("souvent", "present past future not"),
    "always": ("toujours", "present past future not"),
    "sometimes": ("parfois", "present past"),
    "rarely": ("rarement", "present"),
    "already": ("déjà", "past"),
    "soon": ("bientôt", "future"),
}
"""Adverbs of the middle of a clause, and the tenses (or "not") that they go with."""
MANNERS = {"slowly": "lentement", "quickly": "rapidement", "quietly": "tranquillement"}
MANNERS |= {"patiently": "patiemment"}
TIMES = {
    "past": ("yesterday", "hier"),
    "present": ("today", "aujourd'hui"),
    "future": ("tomorrow", "demain"),
}

DETERMINERS = {
    "the": "the the le la les",
    "my": "my my mon ma mes",
    "his": "his his son sa ses",
    "her": "her her son sa ses",
    "our": "our our notre notre nos",
    "their": "their their leur leur leurs",
    "this": "this these ce cette ces",
    "a": "a some un une des",
    "two": "- two - - deux",
    "three": "- three - - trois",
    "many": "- many - - beaucoup_de",
    "some": "some - de_le de_la -",
}
"""English singular and plural, French masculine, feminine and plural."""
SURE = ("the",) * 8 + ("this", "my", "his", "her", "our", "their")
OWNERS = {"my", "his", "her", "our", "their"}
MANY = ("two", "three", "many")
LOOSE = (*SURE, *("a",) * 5, *MANY)
PERSON, ANIMAL, WORN = frozenset({"person"}), frozenset({"animal"}), frozenset({"worn"})
PLACES = frozenset({"place", "shore", "water", "cover"})
LIVING, THINGS = PERSON | ANIMAL, frozenset({"thing", "text", "food", "plant", "place"})
JOINERS = {"and": "et", ", but": ", mais", "because": "parce que", "while": "pendant que"}
LONGEST = 40
"""Longest English side, in words."""

PREPOSITIONS = {
    "in": ("dans", "place"),
    "near": ("près de", "place water shore building"),
    "behind": ("derrière", "building cover"),
    "in front of": ("devant", "building"),
    "under": ("sous", "cover"),
    "on": ("sur", "shore"),
}
MODALS = {
    "can": "peux peut pouvons pouvez peuvent",
    "must": "dois doit devons devez doivent",
    "want": "veux veut voulons voulez veulent",
}
NEGATIONS = {"not": "pas", "never": "jamais"}

ME, ONE, WE, YOU, THEY = range(5)
"""Persons, as places in a row of verb forms."""


class Pronoun(NamedTuple):
    subject: str
    object: str
    french: str
    clitic: str
    person: int
    feminine: bool = False

    @property
    def plural(self) -> bool:
        return self.person >= WE


PRONOUNS = {
    "I": Pronoun("I", "me", "je", "me", ME),
    "he": Pronoun("he", "him", "il", "le", ONE),
    "she": Pronoun("she", "her", "elle", "la", ONE, True),
    "we": Pronoun("we", "us", "nous", "nous", WE),
    "you": Pronoun("you", "you", "vous", "vous", YOU),
    "they": Pronoun("they", "them", "ils", "les", THEY),
    "it m": Pronoun("it", "it", "il", "le", ONE),
    "it f": Pronoun("it", "it", "elle", "la", ONE, True),
    "they f": Pronoun("they", "them", "elles", "les", THEY, True),
}
PERSONS = ("I", "he", "she", "we", "you", "they")


class Noun(NamedTuple):
    english: str
    english_plural: str
    french: str
    feminine: bool
    kinds: frozenset[str]


class Adjective(NamedTuple):
    english: str
    masculine: str
    feminine: str
    kind: str
    """Its class: one adjective of a class is enough."""
    kinds: frozenset[str]


class Verb(NamedTuple):
    english: str
    past: str
    particle: str
    infinitive: str
    forms: tuple[str, ...]
    """The present in five persons, the stem of the future, the past participle."""
    subjects: frozenset[str]
    objects: frozenset[str]
    to: frozenset[str]
    manners: tuple[str, ...]


def with_s(english: str) -> str:
    """The plural of a regular noun, the third person of a verb."""
    if english.endswith(("s", "x", "ch", "sh", "go")):
        return english + "es"
    return re.sub("(?<=[^aeou])ys$", "ies", {"have": "has"}.get(english, english + "s"))


def plural(french: str) -> str:
    """The plural of a noun, an adjective or a participle."""
    if french.endswith(("s", "x")):
        return french
    if french.endswith("al"):
        return french[:-1] + "ux"
    return french + ("x" if french.endswith(("eau", "hibou")) else "s")


def as_noun(entry: str, kinds: str) -> Noun:
    names, french, gender = entry.split()
    english, _, many = names.partition("/")
    many = many or with_s(english)
    return Noun(english, many, french, gender == "f", frozenset(kinds.split()))


def as_adjective(entry: str, place: str) -> Adjective:
    kind, _, kinds = place.partition(" | ")
    english, masculine, feminine = entry.split()
    return Adjective(english, masculine, feminine, kind, frozenset(kinds.split()))


def as_verb(line: str) -> Verb:
    names, french, who, how = (line + " | | ").split("|")[:4]
    name, *particle = names.split()
    english, _, past = name.partition("/")
    past = past or re.sub("(?<=[^aeou])yed$", "ied", english.removesuffix("e") + "ed")
    infinitive, *forms = french.split()
    stem = infinitive[:-2]
    if not forms and infinitive.endswith("er"):
        forms = [stem + end for end in ("e", "e", "ons", "ez", "ent", "er", "é")]
    elif not forms:
        forms = [stem + end for end in ("s", "", "ons", "ez", "ent", "r", "u")]
    forms = [re.sub("gons$", "geons", form) for form in forms]
    subjects, objects, to = (frozenset(kinds.split()) for kinds in (who + "> >").split(">")[:3])
    more = (tuple(forms), subjects, objects, to, tuple(how.split()))
    return Verb(english, past, " ".join(particle), infinitive, *more)


NOUN = {
    noun.english: noun
    for kinds, row in NOUNS.items()
    for noun in (as_noun(entry, kinds) for entry in row.split(", "))
}
ADJECTIVE = {
    adjective.english: adjective
    for place, row in ADJECTIVES.items()
    for adjective in (as_adjective(entry, place) for entry in row.split(", "))
}
VERB = [as_verb(line) for line in VERBS.strip().splitlines()]
BE = as_verb("be/was | être suis est sommes êtes sont ser été")
HAVE = next(verb for verb in VERB if verb.english == "have")
OPPOSITE = {
    adjective: {word for both in OPPOSITES if adjective in both.split() for word in both.split()}
    for adjective in ADJECTIVE
}
RANK = {adjective: rank for rank, adjective in enumerate(ADJECTIVE)}


# The grammar: phrases made from chosen words.


class Nominal(NamedTuple):
    """A noun phrase or a pronoun, and what a verb must know of it."""

    phrase: Phrase
    person: int
    feminine: bool
    kinds: frozenset[str]
    again: str
    """The name of the pronoun that speaks of it again."""

    @property
    def plural(self) -> bool:
        return self.person >= WE


class Telling(NamedTuple):
    """How something is told."""

    tense: str = "present"
    """Or past, future, imperfect (an English past that the French says in the imperfect)."""
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
    """What a subject does."""

    verb: Verb
    telling: Telling = Telling()
    after: Phrase = Phrase()
    """Objects and places, behind the verb on both sides."""
    clitic: str = ""
    """The name of a pronoun that is the object, before the French verb, or none."""
    ahead: Nominal | None = None
    """The object, if a relative clause hangs on it."""


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


def english_verb(subject: Nominal, verb: Verb, telling: Telling) -> tuple[str, list[str]]:
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
    """The English auxiliary, one word or none, and all else that is said of the subject."""
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
    """A subject and what it does; or the question whether it does."""
    auxiliary, rest = predicate(subject, act)
    if not act.telling.asked:
        return subject.phrase + Phrase(auxiliary) + rest
    asking = Meaning()
    asks = tuple(word._replace(meanings=(*word.meanings, asking)) for word in auxiliary)
    whether = Word("est-ce", (asking,)), Word("que", (asking,), False, "qu'")
    return Phrase(asks, whether) + subject.phrase + rest


def does(subject: Nominal, act: Act) -> Phrase:
    """What a subject does, without the subject: after "who" or "and"."""
    auxiliary, rest = predicate(subject, act)
    return Phrase(auxiliary) + rest


EXAMPLE = example(
    clause(
        noun_phrase("the", NOUN["cat"], adjectives=(ADJECTIVE["black"],)),
        Act(VERB[2], Telling("past"), noun_phrase("the", NOUN["mouse"]).phrase),
    )
    + pair(".", ".")
)
"""The black cat ate the mouse: never in a lesson, though all its words and constructions are."""


# The author: phrases made from words chosen by chance.


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


Told = TypeVar("Told", Noun, Adjective, Verb)


class Author:
    """Makes sentences up; no noun, verb or adjective comes twice in one while there are others."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.told: set[str] = set()
        self.living = 0
        """How many persons and animals the present sentence has named."""
        self.dated = False
        """Whether the present sentence tells the day."""
        self.rich = 0.0
        """How much the present sentence is adorned, from 0 to 1."""

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def fresh(self, choices: list[Told]) -> Told:
        """One of the choices that has not come yet, if there is one."""
        new = [choice for choice in choices if choice.english not in self.told]
        chosen = self.random.choice(new or choices)
        self.told.add(chosen.english)
        self.told |= OPPOSITE.get(chosen.english, set())
        return chosen

    def adjectives(self, noun: Noun) -> tuple[Adjective, ...]:
        """A few to stand before the English noun: at most one of a class, one of all inner ones."""
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
        """A noun phrase of some kind: definite if `sure`, plain if not `deep`."""
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
        """Where something is, whose it is, or what somebody has with them."""
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

    def telling(self, verb: Verb, tense: str, asked: bool = False) -> Telling:
        """How a verb is told: with a modal verb, a negation or an adverb, or with none."""
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
        return Telling(tense, modal, negation, often, manner, asked)

    def being(self, subject: Nominal, tense: str, asked: bool = False) -> Act:
        """What somebody or something is like."""
        telling = self.telling(BE, tense, asked)
        fit = adjectives_of(subject.kinds)
        one = (self.fresh([a for a in fit if a.kind not in self.told] or fit),)
        praise = one if telling.negation or self.chance(0.5) else self.praise(subject.kinds)
        like = listed([quality(adjective, subject) for adjective in praise])
        return Act(BE, telling, like)

    def act(self, subject: Nominal, tense: str, asked: bool = False) -> Act:
        """Something that the subject can do."""
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
        """Another thing done with the same object: "and read it"."""
        fit = verbs_with(subject.kinds, thing.kinds)
        verbs = [v for v in fit if not v.to and v.english not in STATES | {first.english}]
        if first.english in ("eat", "drink") or not verbs:
            return Phrase()
        second = Act(self.fresh(verbs), Telling(tense), clitic=thing.again)
        return pair("and", "et") + does(subject, second)

    def relative(self, head: Nominal) -> Phrase:
        """A clause about a noun, which is its subject or its object."""
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
        """The subject as a pronoun, if it is clear of whom it speaks; else another subject."""
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
    """So many sentences, no two alike in English, the same for the same seed.

    `EXAMPLE` is never among them, so that it can be asked of a model that has not seen it.
    """
    author = Author(Random(seed))
    found: dict[str, Example] = {}
    while len(found) < count:
        phrase = author.sentence()
        if len(phrase.source) > LONGEST:
            continue
        made = example(phrase)
        if made.source != EXAMPLE.source:
            found.setdefault(made.source, made)
    given = list(found.values())
    author.random.shuffle(given)  # short ones run out, so the later ones would be longer
    return given


def split(train: int, test: int, seed: int) -> Lesson:
    """So many examples to learn from, and others to test with."""
    given = examples(train + test, seed)
    return Lesson(given[:train], given[train:])
