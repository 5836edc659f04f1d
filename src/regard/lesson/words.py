"""The words of the built-in lesson: tables in plain text, and the rows parsed from them."""

import re
from typing import NamedTuple

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
"""Verbs without a location: "leave behind the house" would be another verb."""
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
"""Classes that are added without "and": the small tired black cat."""

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
"""Adverbs in the middle of a clause, and the tenses (or "not") that they combine with."""
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
"""Persons, as indices in a row of verb forms."""


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
