"""Words with a full stop of their own, by language, beyond what the library `sentencex` knows."""

from typing import NamedTuple


class Abbreviations(NamedTuple):
    """What decides whether a full stop after a word ends the sentence; case matters."""

    always: frozenset[str]
    """The sentence always continues: Mr., e.g."""
    before_numbers: frozenset[str]
    """It continues if a number follows, and else it ends: no. 5, p. 3."""
    mostly: frozenset[str]
    """It continues unless one of `starters` follows: Inc., St., Feb."""
    words: frozenset[str]
    """Plain words that the library takes for abbreviations; the sentence ends."""
    starters: frozenset[str]
    """Words that begin with a capital only where a sentence begins."""


def table(
    always: str, before_numbers: str, mostly: str, words: str, starters: str
) -> Abbreviations:
    return Abbreviations(
        *(frozenset(text.split()) for text in (always, before_numbers, mostly, words, starters))
    )


ABBREVIATIONS = {
    "en": table(
        "Mr Mrs Ms Mx Dr Prof Messrs Sen Sens Rep Reps Gov Gen Col Capt Cmdr Maj Lt Sgt Cpl Adm"
        " Pres Hon Rev Fr Supt Det Insp vs v cf eg ie viz approx e.g i.e mr mrs ms dr prof",
        "no nos No Nos p pp vol vols Vol Vols fig figs Fig Figs eq eqs Eq Eqs sec secs Secs ch chs"
        " Ch chap Chap art Art para paras min max ext Ext tel Tel dept est pt Pt ver pg",
        "Inc Co Corp Ltd Bros Jr Sr Esq etc al St Ste Ave Rd Blvd Ln Hwy Mt Mts Ft Ed Eds ed eds"
        " Dept Univ Assn Sec Op ca Jan Feb Mar Apr Jun Jul Aug Sep Sept Oct Nov Dec Mon Tue Tues"
        " Wed Thu Thur Thurs Fri Sat Sun",
        "I me re may May miss ok OK ill fed la us in it",
        "He She It They We You I The This That These Those There Then Here His Her Its Their My Our"
        " Your An But And So If When While After Before Since Because Although However Meanwhile"
        " Today Yesterday Tomorrow What Who Why Where How Which Is Are Was Were Do Does Did Not Yes"
        " In On At For With As By From To Now Please Everyone Everybody Nobody Someone Some Many"
        " Most All Both Each Another One Two Let Don't It's He's She's I'm They're We're",
    ),
    "fr": table(
        "M MM Mme Mmes Mlle Mlles Mgr Dr Pr Prof St Ste av bd éd env cf p.ex",
        "no nos No n° vol Vol fig figs Fig Figs art Art chap Chap p pp tél Tél éq Éq eq Eq sec Sec"
        " ex min max janv févr avr juil sept oct nov déc",
        "Cie etc al",
        "",
        "Il Elle Ils Elles On Je J Tu Nous Vous Le La Les L Un Une Ce Cet Cette Ces C Cela Ça Mais"
        " Et Puis Ensuite Alors Donc Dans En À Pour Si Quand Comme Mon Ma Mes Son Sa Ses Notre"
        " Votre Leur Qui Que Où Pourquoi Comment Après Avant",
    ),
    "de": table(
        "Hr Hrn Fr Dr Prof Dipl Ing St Str ca sog bzw vgl evtl ggf inkl bspw geb d.h z.B u.a"
        " z d u i o s a h v",
        "nr Nr vol Vol abb Abb art Art kap Kap s S abs Abs tel Tel jan feb mär apr jun jul aug sep"
        " sept okt nov dez Jan Feb Mär Apr Jun Jul Aug Sep Sept Okt Nov Dez Gl min max",
        "usw etc Co",
        "",
        "Er Sie Es Wir Ihr Ich Du Der Die Das Ein Eine Dann Aber Und Doch Wenn Als Am Im In Auf Mit"
        " Nach Vor Dort Hier Mein Sein Seine Ihre Unser Wer Was Wo Warum Wie",
    ),
    "es": table(
        "Sr Sra Srta Sres Dr Dra D Dña Ud Uds Vd Vds Prof Lic Ing Gral Cnel p.ej",
        "n núm Núm no No vol Vol fig Fig art Art cap Cap p pp pág págs tel Tel",
        "etc Cía St",
        "",
        "Él Ella Ellos Ellas Yo Tú Nosotros El La Los Las Un Una Pero Y Luego Entonces En Si Cuando"
        " Su Mi Es Este Esta Esto Eso No",
    ),
    "it": table(
        "Sig Sigg Dott Prof Avv Ing Arch Geom Gen Col S p.es",
        "n N no No vol Vol fig Fig art Art cap Cap p pp pag Pag tel Tel",
        "ecc etc",
        "",
        "Lui Lei Loro Io Tu Noi Voi Lo La I Gli Le Un Una Ma E Poi Allora In Se Quando Non È Questo"
        " Questa",
    ),
    "pt": table(
        "Sr Sra Srta Dr Dra Prof Profa Eng Exmo V p.ex",
        "n nº no No vol Vol fig Fig art Art cap Cap p pp pág págs tel Tel",
        "etc Cia",
        "",
        "Ele Ela Eles Elas Eu Tu Nós O Os As Um Uma Mas E Depois Então Em Se Quando Não É Este Esta"
        " Isso",
    ),
    "nl": table(
        "dhr Dhr mevr Mevr mw Mw dr Dr prof Prof ir ing bijv bv evt ca d.w.z m.a.w o.a",
        "nr Nr vol fig Fig art Art blz p pp tel Tel",
        "enz etc St",
        "",
        "Hij Zij Ze Het Wij We Ik Jij Je De Een Maar En Dan Toen In Als Dat Dit Daar Hier Mijn"
        " Zijn",
    ),
}
ELSEWHERE = table("Mr Mrs Dr Prof St dr prof", "no No vol Vol fig Fig art Art p pp", "", "", "")

# fmt: off
ORDINALS = {
    "bs", "cs", "da", "de", "et", "fi", "fo", "hr", "hu", "is", "lv", "nb", "nn", "no", "pl", "sk",
    "sl", "sr", "tr",
}
# fmt: on
"""Languages that write ordinal numbers with a full stop."""
