"""Text to tokens and back: SentencePiece subwords, learned from the training text."""

import io
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from threading import Event, Thread
from typing import NamedTuple

import numpy as np
import sentencepiece

from regard.errors import RegardError
from regard.shapes import Int
from regard.special import END, PAD, PIECES, RESERVED, START, UNKNOWN, Ids
from regard.text.alphabets import required_characters
from regard.text.bpe_dropout import FIRST_BYTE, FIRST_PIECE, Merges, make_merges, sample_tokens
from regard.text.normalize import replace_control_characters
from regard.text.spans import Span

GRACE_SECONDS = 1.0
"""How long an interrupted program waits for SentencePiece to stop, in seconds."""
TOO_SMALL_SIZE = re.compile(r"vocab_size.*\d+ vs (\d+)", re.DOTALL)
"""SentencePiece's message that `size` is less than the number of characters, bytes and special
tokens, which it names."""


class Token(NamedTuple):
    id: int
    piece: str
    """In SentencePiece's form, where ▁ is a space."""
    span: Span
    """The characters of the text that it covers."""


class Vocabulary:
    """Byte-pair encoding with byte fallback, so that every text can be encoded."""

    def __init__(self, proto: bytes, where: str) -> None:
        """`proto` is a serialized SentencePiece model; `where` names its file in error messages.

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
            self.all_pieces = self.processor.id_to_piece(list(range(len(self))))
        except (RuntimeError, UnicodeDecodeError) as error:
            raise damaged from error

    @cached_property
    def merges(self) -> Merges:
        """The pairs of neighbours that may become one token."""
        return make_merges(self.all_pieces)

    @cached_property
    def characters(self) -> frozenset[str]:
        """The characters that are read as themselves."""
        return frozenset(piece for piece in self.all_pieces[FIRST_PIECE:] if len(piece) == 1) | {
            " "
        }

    def knows(self, character: str) -> bool:
        """Whether the character is read as itself, not as bytes."""
        return character in self.characters

    def __len__(self) -> int:
        return self.processor.get_piece_size()

    @cached_property
    def piece_lengths(self) -> Int[np.ndarray, " V"]:
        """The number of characters of each token; bytes that continue a character have none."""
        lengths = [len(piece) for piece in self.all_pieces]
        lengths[FIRST_BYTE:FIRST_PIECE] = [not 0x80 <= byte < 0xC0 for byte in range(256)]
        return np.array(lengths, np.int64)

    def ends(self, ids: Ids) -> Int[np.ndarray, " T"]:
        """For each token of a text, the index after its last character, from the tokens alone. The
        text must have neither white space at its ends nor two spaces in a row."""
        return np.cumsum(self.piece_lengths[np.asarray(ids, np.int64)]) - 1

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """The token ids of each text, without <s> and </s>."""
        # for a list SentencePiece starts threads, which takes 0.1 ms
        if len(texts) <= 1:
            return [self.processor.encode(text) for text in texts]
        return self.processor.encode(list(texts))

    def sample(self, texts: Sequence[str], dropout: float, seed: int) -> list[list[int]]:
        """Token ids under BPE-dropout: each merge is skipped with probability `dropout`
        (Provilkov et al. 2020, section 3). The result depends on the arguments alone."""
        return sample_tokens(texts, self.merges, dropout, seed) if dropout else self.encode(texts)

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of token ids, on one line. Special tokens have no text; a control character
        that was written in bytes becomes a space."""
        written = [int(token) for token in tokens if token > UNKNOWN]
        return replace_control_characters(self.processor.decode(written))

    def pieces(self, tokens: Sequence[int]) -> list[str]:
        return [self.all_pieces[token] for token in tokens]

    def ids(self, pieces: Sequence[str]) -> list[int]:
        """The inverse of `pieces`."""
        return [self.processor.piece_to_id(piece) for piece in pieces]

    def tokens(self, text: str) -> list[Token]:
        """The tokens of one text with the characters that each covers."""
        encoded = self.processor.encode(text, return_type="offset_mapping")
        parts = zip(encoded["ids"], encoded["pieces"], encoded["offsets"], strict=True)
        return [Token(token, piece, Span(*span)) for token, piece, span in parts]


def learn(texts: Iterable[str], size: int, where: str, languages: Sequence[str] = ()) -> Vocabulary:
    """Learn `size` subwords from the texts, or fewer if the texts are too small for as many.

    ASCII, the usual signs and the letters of the languages are among them, whatever the texts have.

    Raises RegardError if the texts are empty, and whatever iterating over them raises.
    """
    thread = TrainerThread(texts, size, required_characters(languages))
    thread.start()
    try:
        thread.is_done.wait()  # Ctrl-C interrupts this, but would not interrupt SentencePiece
    except BaseException:
        thread.is_cancelled = True
        thread.is_done.wait(GRACE_SECONDS)
        raise
    if thread.read_error:
        raise thread.read_error
    if thread.trainer_error:
        raise learning_error(thread.trainer_error, size, where) from thread.trainer_error
    return Vocabulary(thread.proto.getvalue(), where)


def learning_error(cause: Exception, size: int, where: str) -> RegardError:
    """SentencePiece's error, with advice where the message is a known one."""
    too_few = TOO_SMALL_SIZE.search(str(cause))
    if too_few:
        return RegardError(
            f"{size:,} subwords are too few: this text has {too_few[1]} characters, bytes and"
            " special tokens",
            where,
            f"choose a vocabulary.size of at least {too_few[1]}",
        )
    return RegardError(
        f"no vocabulary can be learned from this text: {cause}",
        where,
        "give more text, or another vocabulary.size",
    )


class TrainerThread(Thread):
    """Runs SentencePiece's trainer, so that the main thread can still receive Ctrl-C."""

    def __init__(self, texts: Iterable[str], size: int, required: str) -> None:
        super().__init__(name="learning subwords", daemon=True)
        self.texts, self.size, self.required = texts, size, required
        self.proto = io.BytesIO()
        self.is_cancelled, self.is_done = False, Event()
        self.read_error: Exception | None = None
        """Raised while the texts were read."""
        self.trainer_error: Exception | None = None
        """Raised by SentencePiece."""

    def read_texts(self) -> Iterator[str]:
        try:
            for text in self.texts:
                if self.is_cancelled:
                    raise InterruptedError("learning the vocabulary was cancelled")
                yield text
        except Exception as error:
            self.read_error = error
            raise

    def run(self) -> None:
        try:
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=self.read_texts(),
                model_writer=self.proto,
                model_type="bpe",
                vocab_size=self.size,
                hard_vocab_limit=False,
                byte_fallback=True,
                split_digits=True,
                character_coverage=0.9999,
                normalization_rule_name="identity",
                user_defined_symbols=list(RESERVED),
                required_chars=self.required,
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
            self.trainer_error = error
        finally:
            self.is_done.set()
