"""The laws of subwords."""

import itertools
import os
import subprocess
import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import needs_posix
from regard.errors import RegardError
from regard.lesson.corpus import examples
from regard.special import END, PAD, RESERVED, START, UNKNOWN
from regard.text import bpe_dropout as sampling
from regard.text.normalize import normalize
from regard.text.vocabulary import Vocabulary, learn

SENTENCES = [text for one in examples(400, 3) for text in (one.source, one.target)]
VOCABULARY = learn(SENTENCES, 700, "the test")


@given(st.text())
def test_every_text_comes_back_and_nothing_is_unknown(text):
    text = " ".join(normalize(text).text.split())
    tokens = VOCABULARY.encode([text])[0]
    assert UNKNOWN not in tokens
    if "▁" not in text:  # SentencePiece's own sign for a space
        assert VOCABULARY.decode(tokens) == text


def test_special_tokens_have_their_numbers_and_write_nothing():
    assert VOCABULARY.pieces([PAD, START, END, UNKNOWN]) == ["<pad>", "<s>", "</s>", "<unk>"]
    tokens = VOCABULARY.encode(["Le chat."])[0]
    assert VOCABULARY.decode([START, *tokens, END, PAD, PAD]) == "Le chat."


def test_text_that_looks_like_a_special_token_is_text():
    assert not {PAD, START, END} & set(VOCABULARY.encode(["<s> </s> <pad>"])[0])


def test_every_reserved_symbol_is_one_token_with_the_same_number_in_every_vocabulary():
    assert len(RESERVED) >= 100
    other = learn(["abc def ghi " * 3], 600, "the test")
    for number, symbol in enumerate(RESERVED):
        for vocabulary in (VOCABULARY, other):
            tokens = vocabulary.encode([f"a {symbol} b"])[0]
            assert 4 + number in tokens
    assert VOCABULARY.pieces(range(4, 4 + len(RESERVED))) == list(RESERVED)


def test_a_vocabulary_stored_and_opened_is_the_same():
    again = Vocabulary(VOCABULARY.proto, "here")
    assert again.encode(SENTENCES) == VOCABULARY.encode(SENTENCES)


def test_learning_twice_learns_the_same():
    assert learn(SENTENCES, 700, "the test").proto == VOCABULARY.proto


def test_little_text_gives_a_small_vocabulary():
    assert 4 + 128 + 256 < len(learn(["the cat"], 8000, "here")) < 600


def test_the_usual_signs_and_letters_are_known_whatever_the_text_has():
    french, other = (
        learn(["the cat " * 9], 8000, "here", ["fr"]),
        learn(["日本 " * 9], 8000, "here"),
    )
    for character in "~{|}@#AZaz09«»–—°€£ ":
        assert french.knows(character) and other.knows(character)
        assert not any(piece.startswith("<0x") for piece in french.pieces(
            french.encode([f"x{character}x"])[0]
        ))  # fmt: skip
    for character in "àéœÀÉŒ":
        assert french.knows(character) and not other.knows(character)
    assert other.knows("日") and not french.knows("日")


@given(st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"], exclude_characters="▁"))
def test_a_character_is_known_if_it_is_not_read_as_bytes(character):
    pieces = VOCABULARY.pieces(VOCABULARY.encode([character])[0])
    is_symbol = character in RESERVED
    assert VOCABULARY.knows(character) == (not is_symbol and "<0x" not in pieces[-1])


def test_the_spans_of_tokens_cover_the_text_in_order():
    for text in SENTENCES[:50]:
        tokens = VOCABULARY.tokens(text)
        assert [token.id for token in tokens] == VOCABULARY.encode([text])[0]
        assert all(a.span.end == b.span.start for a, b in itertools.pairwise(tokens))
        assert tokens[-1].span.end == len(text)
        for token in tokens:
            if not token.piece.startswith("<0x"):
                assert text[slice(*token.span)].strip() == token.piece.strip("▁")


def test_sampled_subwords_write_the_same_text_in_other_ways():
    plain, sampled = VOCABULARY.encode(SENTENCES), VOCABULARY.sample(SENTENCES, 0.3, 1)
    assert [VOCABULARY.decode(tokens) for tokens in sampled] == SENTENCES
    assert sum(map(len, sampled)) > 1.1 * sum(map(len, plain))


@given(st.lists(st.text(min_size=1), min_size=1, max_size=5))
def test_without_dropout_our_own_segmentation_is_sentencepieces(texts):
    texts = [" ".join(normalize(text).text.split()).replace("▁", "_") for text in texts]
    assert sampling.sample_tokens(texts, VOCABULARY.merges, 0.0, 1) == VOCABULARY.encode(texts)


def test_small_groups_give_the_same_tokens(monkeypatch):
    expected = sampling.sample_tokens(SENTENCES, VOCABULARY.merges, 0.0, 1)
    monkeypatch.setattr(sampling, "MAX_GROUP_CHARACTERS", 40)
    assert sampling.sample_tokens(SENTENCES, VOCABULARY.merges, 0.0, 1) == expected


def test_every_process_samples_alike():
    code = (
        "from regard.lesson.corpus import examples; from regard.text.vocabulary import learn;"
        "t = [x for e in examples(40, 3) for x in (e.source, e.target)];"
        "print(learn(t, 600, 'here').sample(t, 0.3, 7))"
    )
    seeds = ({"PYTHONHASHSEED": "1"}, {"PYTHONHASHSEED": "2"})
    said = {
        subprocess.run([sys.executable, "-c", code], capture_output=True, env=os.environ | seed,
                       check=True).stdout
        for seed in seeds
    }  # fmt: skip
    assert len(said) == 1


def test_sampling_is_a_function_of_the_seed_alone():
    first = VOCABULARY.sample(SENTENCES, 0.2, 1)
    VOCABULARY.sample(SENTENCES[:7], 0.5, 9)
    assert VOCABULARY.sample(SENTENCES, 0.2, 1) == first
    assert VOCABULARY.sample(SENTENCES, 0.2, 2) != first
    elsewhere = []
    thread = threading.Thread(target=lambda: elsewhere.extend(VOCABULARY.sample(SENTENCES, 0.2, 1)))
    thread.start()
    thread.join()
    assert elsewhere == first


def test_no_text_is_an_error_and_so_is_a_damaged_vocabulary():
    with pytest.raises(RegardError, match="no vocabulary can be learned"):
        learn([], 700, "nothing.txt")
    with pytest.raises(RegardError, match="the vocabulary is damaged"):
        Vocabulary(b"not a vocabulary", "x.vocabulary")


def test_a_vocabulary_too_small_for_the_characters_says_how_large_it_must_be():
    with pytest.raises(RegardError, match="300 subwords are too few") as refused:
        learn(SENTENCES, 300, "the test")
    (least,) = (int(word) for word in refused.value.to_do.split() if word.isdigit())
    assert len(learn(SENTENCES, least, "the test")) == least
    with pytest.raises(RegardError, match=f"{least - 1} subwords are too few"):
        learn(SENTENCES, least - 1, "the test")


def test_a_vocabulary_whose_pieces_are_not_utf8_is_damaged():
    at = VOCABULARY.proto.index("▁".encode())
    proto = VOCABULARY.proto[:at] + b"\xff" + VOCABULARY.proto[at + 1 :]
    with pytest.raises(RegardError, match="damaged"):
        Vocabulary(proto, "here")


def test_what_reading_the_texts_raises_is_raised_as_it_is():
    def texts():
        yield from SENTENCES[:50]
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        learn(texts(), 600, "here")


@needs_posix
def test_ctrl_c_interrupts_the_learning_of_subwords():
    program = (
        "import os, signal, threading, time\n"
        "from regard.text.vocabulary import learn\n"
        "slowly = (time.sleep(0.01) or f'text number {n}' for n in range(10_000))\n"
        "threading.Timer(0.5, os.kill, [os.getpid(), signal.SIGINT]).start()\n"
        "learn(slowly, 600, 'here')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=False, timeout=30
    )
    assert done.stderr.decode().strip().endswith("KeyboardInterrupt")


def test_a_decoded_text_is_one_line():
    bytes_of = {byte: VOCABULARY.ids([f"<0x{byte:02X}>"])[0] for byte in (10, 13, 27, 65)}
    assert VOCABULARY.decode([bytes_of[65], bytes_of[10], bytes_of[27], bytes_of[65]]) == "A  A"
