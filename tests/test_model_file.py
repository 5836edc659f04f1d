"""The laws of the one-file model: what goes in comes out, and nothing that is damaged gets in."""

import json
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

import regard
from regard.config import SearchOptions
from regard.errors import RegardError
from regard.export.export import export
from regard.files import read_tensors
from regard.lesson.corpus import examples
from regard.special import END
from regard.storage.folder import load_model_info, load_weights
from regard.storage.model_file import (
    CHECKSUM,
    COMMON_TENSOR,
    HEADER,
    LIKELY_TENSOR,
    SUFFIX,
    checksum,
    read_model_file,
)

TEXTS = [one.source for one in examples(30, 9)]
DAMAGED = 1000
"""Files that are damaged at random."""


@pytest.fixture(scope="module")
def fp32(model, tmp_path_factory) -> Path:
    file = tmp_path_factory.mktemp("fp32") / f"model{SUFFIX}"
    export(model, file, "fp32", [])
    return file


@pytest.fixture(scope="module")
def int8(model, tmp_path_factory) -> Path:
    file = tmp_path_factory.mktemp("int8") / f"model{SUFFIX}"
    export(model, file, "int8", [])
    return file


def test_what_a_file_holds_is_what_the_folder_holds(model, fp32):
    bundle, card = read_model_file(fp32), load_model_info(model)
    assert bundle.info.config == card.config
    assert bundle.info.languages == card.languages
    assert bundle.info.source.proto == card.source.proto
    assert bundle.quality["validation"]["pairs"] == 40
    weights = load_weights(model)
    assert bundle.tensors.keys() == weights.keys()
    assert all(np.array_equal(bundle.tensors[name], weights[name]) for name in weights)


def test_the_weights_of_int8_are_a_third_of_fp32_at_most(fp32, int8):
    sizes = [
        sum(one.nbytes for one in read_model_file(file).tensors.values()) for file in (int8, fp32)
    ]
    assert sizes[0] < sizes[1] / 3
    assert int8.stat().st_size < fp32.stat().st_size / 2


@pytest.mark.parametrize("beam", [1, 4])
def test_a_file_translates_as_its_folder_does(model, fp32, beam):
    options = SearchOptions(beam=beam)
    folder, file = (regard.load(one).with_options(options) for one in (model, fp32))
    expected, found = folder.translate_sentences(TEXTS), file.translate_sentences(TEXTS)
    assert [one.text for one in found] == [one.text for one in expected]
    log_probs = [one.log_prob for one in expected]
    assert np.allclose([one.log_prob for one in found], log_probs, atol=1e-4)
    assert np.allclose(found[3].weights, expected[3].weights, atol=1e-5)


@pytest.mark.parametrize("beam", [1, 4])
def test_in_int8_a_text_alone_is_translated_as_among_others(int8, beam):
    translator = regard.load(int8).with_options(SearchOptions(beam=beam))
    together = [one.text for one in translator.translate_sentences(TEXTS)]
    assert together == [translator.translate_sentences([text])[0].text for text in TEXTS]


def test_several_workers_find_what_one_finds(int8):
    texts = TEXTS * 5
    one, several = regard.load(int8, workers=1), regard.load(int8, workers=3)
    assert [t.text for t in one.translate_sentences(texts)] == [
        t.text for t in several.translate_sentences(texts)
    ]


def test_a_file_alone_translates_without_pytorch(int8, tmp_path):
    (tmp_path / "moved.regard").write_bytes(int8.read_bytes())
    program = (
        "import sys; sys.modules['torch'] = None; import regard\n"
        "print(regard.load('moved.regard').translate(['the cat .'])[0].text)\n"
        "assert not {'matplotlib', 'sacrebleu', 'starlette'} & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, check=False
    )
    assert done.returncode == 0 and done.stdout.strip(), done.stderr.decode()


def test_a_folder_is_translated_without_pytorch_too(model, tmp_path):
    program = (
        "import sys; import importlib.util as u; find = u.find_spec\n"
        "u.find_spec = lambda name, *more: None if name == 'torch' else find(name, *more)\n"
        "import regard\n"
        f"print(regard.load({str(model)!r}).translate(['the cat .'])[0].text)\n"
        "assert 'torch' not in sys.modules\n"
        "try:\n"
        f"    regard.load({str(model)!r}, device='cuda')\n"
        "except regard.RegardError as error:\n"
        "    assert 'needs torch' in str(error)\n"
        "else:\n"
        "    raise AssertionError('it was not refused')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert done.returncode == 0 and done.stdout.strip(), done.stderr.decode()


def test_without_the_training_text_int8_wants_sentences(model, fp32, tmp_path):
    copied = tmp_path / "copied"
    shutil.copytree(model, copied, ignore=shutil.ignore_patterns("training"))
    with pytest.raises(RegardError, match="--calibration"):
        export(copied, tmp_path / "a.regard", "int8", [])
    export(copied, tmp_path / "a.regard", "int8", TEXTS)
    exact, found = regard.load(fp32), regard.load(tmp_path / "a.regard")
    said = [one.text for one in exact.translate_sentences(TEXTS)]
    for one, other in zip(exact.force(TEXTS, said), found.force(TEXTS, said), strict=True):
        assert np.abs(one.log_probs - other.log_probs).mean() < 0.1


def damage(content: bytes, random: np.random.Generator) -> bytes:
    """Bits flipped, cut short, parts swapped or doubled, or a header with a wrong length."""
    kind = random.integers(5)
    at = int(random.integers(len(content)))
    if kind == 0:
        changed = bytearray(content)
        for index in random.integers(len(content), size=1 + random.integers(8)):
            changed[index] ^= 1 << random.integers(8)
        return bytes(changed)
    if kind == 1:
        return content[:at]
    if kind == 2:
        return content[:at] + random.bytes(int(random.integers(1, 64))) + content[at:]
    if kind == 3:
        return struct.pack("<Q", int(random.integers(2**62))) + content[8:]
    length = struct.unpack("<Q", content[:8])[0]
    header = bytearray(content[8 : 8 + length])
    for index in random.integers(length, size=3):  # digits for digits: wrong sizes and offsets
        if chr(header[index]).isdigit():
            header[index] = ord("0") + int(random.integers(10))
    return content[:8] + bytes(header) + content[8 + length :]


def test_a_thousand_damaged_files_give_a_thousand_clear_errors(int8, tmp_path):
    content, random = int8.read_bytes(), np.random.default_rng(1)
    file, refused = tmp_path / f"damaged{SUFFIX}", 0
    for _ in range(DAMAGED):
        broken = damage(content, random)
        if broken == content:
            continue
        file.write_bytes(broken)
        with pytest.raises(RegardError) as caught:
            regard.load(file)
        refused += 1
        assert str(file) in caught.value.where
    assert refused > 0.8 * DAMAGED


def first_of(header):
    return next(iter(header["calibration"]))


FORGERIES = {
    "another format": lambda header: header.update(format=99),
    "no format": lambda header: header.pop("format"),
    "a format in words": lambda header: header.update(format="one"),
    "one language": lambda header: header.update(languages=["en"]),
    "no options": lambda header: header.pop("config"),
    "unknown options": lambda header: header["config"].update(more={}),
    "huge sizes": lambda header: header["config"]["model"].update(encoder_size=2**40),
    "endless layers": lambda header: header["config"]["model"].update(encoder_layers=10**12),
    "other sizes": lambda header: header["config"]["model"].update(decoder_size=50),
    "another score": lambda header: header["config"]["model"].update(attention="additive"),
    "no ranges": lambda header: header.pop("calibration"),
    "a range less": lambda header: header["calibration"].popitem(),
    "a range in words": lambda header: header["calibration"].update(
        {"decoder.output_layer": ["a", "b"]}
    ),
    "an endless range": lambda header: header["calibration"].update(
        {"decoder.output_layer": [0, 1e999]}
    ),
    "a range too wide": lambda header: header["calibration"].update(
        {first_of(header): [-1e308, 1e308]}
    ),
    "a list as provenance": lambda header: header.update(provenance=[1, 2]),
    "an endless limit": lambda header: header["config"]["search"].update(max_length_ratio=1e999),
    "a limit of years": lambda header: header["config"]["search"].update(max_length_extra=10**12),
    "quality of nothing": lambda header: header.update(quality=7),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_header_is_refused_though_its_checksum_is_right(int8, tmp_path, name):
    stored = read_tensors(int8)
    header = json.loads(stored.metadata[HEADER])
    FORGERIES[name](header)
    forge(tmp_path / "forged.regard", json.dumps(header), stored.tensors)
    with pytest.raises(RegardError):
        regard.load(tmp_path / "forged.regard")


def test_forged_weights_and_vocabularies_are_refused(int8, tmp_path):
    stored = read_tensors(int8)
    names = list(stored.tensors)
    for name in names:
        tensor = stored.tensors[name]
        for forged in (tensor[1:], tensor.astype(np.float64), np.zeros(0, tensor.dtype)):
            file = tmp_path / "forged.regard"
            forge(file, stored.metadata[HEADER], {**stored.tensors, name: forged})
            with pytest.raises(RegardError):
                regard.load(file)


def test_weights_of_int8_where_there_are_none_and_of_fp32_among_int8_are_refused(int8, tmp_path):
    stored = read_tensors(int8)
    one_by_one = np.ones(len(stored.tensors["decoder.output_layer.bias"]), np.float32)
    bias = {
        "decoder.output_layer.bias": one_by_one.astype(np.int8),
        "decoder.output_layer.bias.scale": one_by_one,
    }
    forgeries = [{**stored.tensors, **bias}]
    for name in stored.tensors:
        if name + ".scale" in stored.tensors:
            rest = {one: t for one, t in stored.tensors.items() if one != name + ".scale"}
            forgeries.append({**rest, name: stored.tensors[name].astype(np.float32)})
    for tensors in forgeries:
        forge(tmp_path / "forged.regard", stored.metadata[HEADER], tensors)
        with pytest.raises(RegardError, match="of another model"):
            regard.load(tmp_path / "forged.regard")


@pytest.mark.parametrize("forged", [np.nan, np.inf])
def test_weights_that_are_no_numbers_are_refused(int8, fp32, tmp_path, forged):
    for file in (int8, fp32):
        stored = read_tensors(file)
        for name, tensor in stored.tensors.items():
            if tensor.dtype == np.float32:
                wrong = tensor.copy()
                wrong.flat[-1] = forged
                forge(
                    tmp_path / "f.regard", stored.metadata[HEADER], {**stored.tensors, name: wrong}
                )
                with pytest.raises(RegardError, match="of another model"):
                    regard.load(tmp_path / "f.regard")


@pytest.mark.parametrize("kind", ["F8_E4M3", "F8_E8M0", "BF16", "F4"])
def test_numbers_that_numpy_does_not_have_are_refused(tmp_path, kind):
    bits = {"BF16": 16, "F4": 4}.get(kind, 8)
    header = {"w": {"dtype": kind, "shape": [4], "data_offsets": [0, bits // 2]}}
    written = json.dumps(header).encode()
    file = tmp_path / "odd.regard"
    file.write_bytes(struct.pack("<Q", len(written)) + written + bytes(bits // 2))
    with pytest.raises(RegardError):
        read_tensors(file)


def test_half_a_shortlist_is_refused(int8, tmp_path):
    stored = read_tensors(int8)
    for name in (LIKELY_TENSOR, COMMON_TENSOR):
        rest = {other: tensor for other, tensor in stored.tensors.items() if other != name}
        forge(tmp_path / "forged.regard", stored.metadata[HEADER], rest)
        with pytest.raises(RegardError):
            regard.load(tmp_path / "forged.regard")


FORGED_LISTS = {
    "tokens that there are not": lambda likely, common: (likely + np.uint16(60_000), common),
    "another source vocabulary": lambda likely, common: (np.tile(likely, (2, 1)), common),
    "no </s>": lambda likely, common: (likely, common[common != END]),
    "numbers with signs": lambda likely, common: (likely.astype(np.int16), common),
    "one row": lambda likely, common: (likely[0], common),
    "a table of common ones": lambda likely, common: (likely, common[None]),
}


@pytest.mark.parametrize("name", FORGED_LISTS)
def test_a_forged_shortlist_is_refused_though_its_checksum_is_right(int8, tmp_path, name):
    stored = read_tensors(int8)
    likely, common = FORGED_LISTS[name](
        stored.tensors[LIKELY_TENSOR], stored.tensors[COMMON_TENSOR]
    )
    forged = {**stored.tensors, LIKELY_TENSOR: likely, COMMON_TENSOR: common}
    forge(tmp_path / "forged.regard", stored.metadata[HEADER], forged)
    with pytest.raises(RegardError):
        regard.load(tmp_path / "forged.regard")


def forge(file: Path, header: str, tensors: dict[str, np.ndarray]) -> None:
    arrays = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    save_file(arrays, file, {HEADER: header, CHECKSUM: checksum(header, arrays)})


# python tests/data/make_model.py tests/data/format-2.regard (regard 0.1.0, PyTorch 2.13)
OLD_FILE = Path(__file__).parent / "data" / "format-2.regard"
OLD_TRANSLATIONS = {
    "Two patient farmers forget our coat while they close the old door that the neighbours must"
    " rarely look at.": ("▁D eux ▁m é d e c in s ▁ i nt ell ig ent s .", -15.9624),
    "Some curious children will wait for him.": ("▁D es ▁m é d e c in .", -8.4982),
}


def test_a_file_of_an_earlier_version_still_translates_as_it_did():
    """On every processor: sums of int8 products are exact. The probabilities are of text without
    placeholder symbols."""
    assert OLD_FILE.stat().st_size < 100_000
    translator = regard.load(OLD_FILE)
    assert len(read_model_file(OLD_FILE).shortlist.likely) == len(translator.source)
    together = translator.translate_sentences(list(OLD_TRANSLATIONS))
    for found, (text, (tokens, log_prob)) in zip(together, OLD_TRANSLATIONS.items(), strict=True):
        for one in (found, *translator.translate_sentences([text])):
            pieces = [token.piece for token in one.tokens if token.piece != "</s>"]
            assert pieces == tokens.split(" ")
            assert one.log_prob == pytest.approx(log_prob, abs=1e-3)
    (forced,) = translator.force(["The black cat ate the mouse."], ["Le chat noir."])
    expected = [-0.0977, -1.2102, -3.0951, -1.6593, -3.9970, -0.4080, -1.8078, -2.9309, -0.0898]
    np.testing.assert_allclose(forced.log_probs, expected, atol=1e-3)
