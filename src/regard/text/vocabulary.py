"""Text to tokens and back: subwords by SentencePiece, learned from the training text itself."""

import io
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from threading import Event, Thread
from typing import NamedTuple

import sentencepiece

from regard.errors import RegardError
from regard.special import END, PAD, PIECES, RESERVED, START, UNKNOWN
from regard.text.bpe_dropout import Merges, make_merges, sample
from regard.text.normalize import CONTROL_CHARACTERS
from regard.text.spans import Span

GRACE = 1.0
"""Seconds that SentencePiece gets to end when nobody waits for it any more."""
TOO_FEW = re.compile(r"vocab_size.*\d+ vs (\d+)", re.DOTALL)
"""How SentencePiece says that each character of the text is to be a subword, and how many there
are with bytes and special tokens."""


class Token(NamedTuple):
    id: int
    piece: str
    """As SentencePiece writes it: ▁ stands for a space."""
    span: Span
    """The characters of the text that it covers."""


class Vocabulary:
    """Byte-pair encoding with byte fallback: every text can be written, nothing is unknown."""

    def __init__(self, proto: bytes, where: str) -> None:
        """`proto` is what `learn` made; `where` tells an error message whence it comes.

        Raises RegardError if it is damaged.
        """
        self.proto = proto
        damaged = RegardError(
            "the vocabulary is damaged", where, "copy the model folder again, or train again"
        )
        if not proto:
            raise damaged
        try:
            self.processor = sentencepiece.SentencePieceProcessor(model_proto=proto)
            self.known = self.processor.id_to_piece(list(range(len(self))))
        except (RuntimeError, UnicodeDecodeError) as error:
            raise damaged from error

    @cached_property
    def merges(self) -> Merges:
        """Which neighbours may become one token."""
        return make_merges(self.known)

    def __len__(self) -> int:
        return self.processor.get_piece_size()

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """The tokens of each text, without <s> and </s>."""
        # of a list it would start threads, 0.1 ms for a single text
        if len(texts) == 1:
            return [self.processor.encode(texts[0])]
        return self.processor.encode(list(texts))

    def sample(self, texts: Sequence[str], dropout: float, seed: int) -> list[list[int]]:
        """Tokens with each merge left out with probability `dropout` (Provilkov et al. 2020, 3).

        A function of the arguments alone.
        """
        return sample(texts, self.merges, dropout, seed) if dropout else self.encode(texts)

    def decode(self, tokens: Sequence[int]) -> str:
        """The text that these tokens write, on one line: special tokens write nothing, and bytes
        that make a control character write a space."""
        text = self.processor.decode([int(token) for token in tokens if token > UNKNOWN])
        return CONTROL_CHARACTERS.sub(" ", text)

    def pieces(self, tokens: Sequence[int]) -> list[str]:
        return [self.known[token] for token in tokens]

    def ids(self, pieces: Sequence[str]) -> list[int]:
        """The ids of pieces, as `pieces` gives them."""
        return [self.processor.piece_to_id(piece) for piece in pieces]

    def tokens(self, text: str) -> list[Token]:
        """The tokens of one text, each with the characters that it covers."""
        encoded = self.processor.encode(text, return_type="offset_mapping")
        parts = zip(encoded["ids"], encoded["pieces"], encoded["offsets"], strict=True)
        return [Token(token, piece, Span(*span)) for token, piece, span in parts]


def learn(texts: Iterable[str], size: int, where: str) -> Vocabulary:
    """Learn `size` subwords from the texts, fewer where the texts have no more to give.

    Raises RegardError if the texts are empty, and what reading them raises.
    """
    learning = TrainerThread(texts, size)
    learning.start()
    try:
        learning.is_over.wait()  # Ctrl-C is heard here, and would not be in SentencePiece
    except BaseException:
        learning.is_wanted = False
        learning.is_over.wait(GRACE)
        raise
    if learning.trouble:
        raise learning.trouble
    if learning.refusal:
        raise trainer_error(learning.refusal, size, where) from learning.refusal
    return Vocabulary(learning.proto.getvalue(), where)


def trainer_error(cause: Exception, size: int, where: str) -> RegardError:
    """What SentencePiece has against this text, in our words where we know its own."""
    too_few = TOO_FEW.search(str(cause))
    if too_few:
        return RegardError(
            f"{size:,} subwords are too few: the characters of this text, the 256 bytes and the"
            f" special tokens are {too_few[1]}",
            where,
            f"give a vocabulary.size of at least {too_few[1]}",
        )
    return RegardError(
        f"no vocabulary can be learned from this text: {cause}",
        where,
        "give more text, or another vocabulary.size",
    )


class TrainerThread(Thread):
    """SentencePiece at work, in a thread of its own."""

    def __init__(self, texts: Iterable[str], size: int) -> None:
        super().__init__(name="learning subwords", daemon=True)
        self.texts, self.size = texts, size
        self.proto = io.BytesIO()
        self.is_wanted, self.is_over = True, Event()
        self.trouble: Exception | None = None
        """What reading the texts raised."""
        self.refusal: Exception | None = None
        """What SentencePiece raised."""

    def given(self) -> Iterator[str]:
        try:
            for text in self.texts:
                if not self.is_wanted:
                    raise InterruptedError("nobody waits for it any more")
                yield text
        except Exception as error:
            self.trouble = error
            raise

    def run(self) -> None:
        try:
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=self.given(),
                model_writer=self.proto,
                model_type="bpe",
                vocab_size=self.size,
                hard_vocab_limit=False,
                byte_fallback=True,
                split_digits=True,
                character_coverage=0.9999,
                normalization_rule_name="identity",
                user_defined_symbols=list(RESERVED),
                max_sentence_length=1 << 20,
                num_threads=1,
                minloglevel=2,
                pad_id=PAD,
                bos_id=START,
                eos_id=END,
                unk_id=UNKNOWN,
                pad_piece=PIECES[PAD],
                bos_piece=PIECES[START],
                eos_piece=PIECES[END],
                unk_piece=PIECES[UNKNOWN],
            )
        except (RuntimeError, ValueError) as error:
            self.refusal = error
        finally:
            self.is_over.set()
