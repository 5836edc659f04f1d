"""Invented text that a translation copies: addresses, numbers, codes, names, pictures."""

import string
from collections.abc import Callable
from random import Random

ENDINGS = ("com", "org", "net", "fr", "de", "co.uk", "io", "eu")
FILE_TYPES = ("txt", "pdf", "py", "json", "docx", "csv", "tar.gz", "conf")
SYLLABLES = (
    "ba",
    "ko",
    "ri",
    "shi",
    "nem",
    "dra",
    "vel",
    "ut",
    "ska",
    "tze",
    "ñe",
    "ück",
    "øl",
    "ça",
)
SCRIPTS = {
    "Greek": (0x3B1, 0x3C9),
    "Cyrillic": (0x430, 0x44F),
    "Hebrew": (0x5D0, 0x5EA),
    "Arabic": (0x627, 0x63A),
    "Devanagari": (0x915, 0x928),
    "Thai": (0xE01, 0xE2E),
    "Katakana": (0x30A2, 0x30ED),
    "Chinese": (0x4E00, 0x9FA5),
    "Korean": (0xAC00, 0xD7A3),
}
"""The first and the last letter of some scripts."""
PICTURES = (0x1F300, 0x1F5FF), (0x1F600, 0x1F64F), (0x1F680, 0x1F6C5)


def letters(random: Random, count: int) -> str:
    return "".join(random.choices(string.ascii_lowercase, k=count))


def digits(random: Random, count: int) -> str:
    return "".join(random.choices(string.digits, k=count))


def characters(random: Random, first: int, last: int, count: int) -> str:
    return "".join(chr(random.randint(first, last)) for _ in range(count))


def latin_name(random: Random) -> str:
    return "".join(random.choices(SYLLABLES, k=random.randint(2, 4))).capitalize()


def foreign_name(random: Random) -> str:
    """A name in Latin letters or in another script, of one or two words."""
    script = random.choice([*SCRIPTS, "Latin", "Latin", "Latin"])
    names = [
        latin_name(random)
        if script == "Latin"
        else characters(random, *SCRIPTS[script], random.randint(2, 5)).capitalize()
        for _ in range(random.randint(1, 2))
    ]
    return " ".join(names)


def web_address(random: Random) -> str:
    start = random.choice(["https://", "http://", "https://www.", "www.", ""])
    path = "".join(f"/{letters(random, random.randint(2, 8))}" for _ in range(random.randint(0, 3)))
    query = random.choice(["", "", f"?id={digits(random, 3)}", f"#{letters(random, 4)}"])
    return f"{start}{letters(random, random.randint(3, 10))}.{random.choice(ENDINGS)}{path}{query}"


def mail_address(random: Random) -> str:
    name = f"{letters(random, random.randint(2, 7))}{random.choice(['', '.', '_'])}"
    return f"{name}{letters(random, 5)}@{letters(random, 6)}.{random.choice(ENDINGS)}"


def number(random: Random) -> str:
    part = digits(random, random.randint(1, 4))
    forms = [
        digits(random, random.randint(1, 9)),
        f"{part}.{digits(random, 2)}",
        f"{part},{digits(random, 3)}",
        f"{part}%",
        f"{part} €",
        f"${part}",
        f"{random.randint(0, 23)}:{random.randint(10, 59)}",
        f"{random.randint(1000, 2999)}-0{random.randint(1, 9)}-{random.randint(10, 28)}",
        f"+{digits(random, 2)} {digits(random, 3)} {digits(random, 3)} {digits(random, 2)}",
    ]
    return random.choice(forms)


def code(random: Random) -> str:
    version = ".".join(str(random.randint(0, 40)) for _ in range(random.randint(2, 4)))
    forms = [
        "".join(random.choices("0123456789abcdef", k=random.choice([6, 8, 16, 32]))),
        version,
        f"v{version}",
        f"{letters(random, 2).upper()}-{digits(random, 4)}",
        f"{letters(random, 5)}_{letters(random, 4)}",
        f"{letters(random, 4)}{letters(random, 5).capitalize()}()",
        f"--{letters(random, 6)}",
    ]
    return random.choice(forms)


def file_name(random: Random) -> str:
    folder = random.choice(["", f"/{letters(random, 3)}/{letters(random, 5)}/", "~/", "C:\\"])
    return f"{folder}{letters(random, random.randint(3, 9))}.{random.choice(FILE_TYPES)}"


def pictures(random: Random) -> str:
    return characters(random, *random.choice(PICTURES), random.randint(1, 2))


INVENTORS: tuple[Callable[[Random], str], ...] = (
    foreign_name,
    web_address,
    mail_address,
    number,
    code,
    file_name,
    pictures,
)
