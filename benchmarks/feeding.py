"""How many tokens a second two sides of text give to training: encoded while training, and
encoded beforehand (data.encoded_epochs).

    python benchmarks/feeding.py train.en train.fr --batch-tokens 64000
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from regard.config import Config
from regard.data.batches import FIRST, Batch, BatchOptions, Position, stream
from regard.data.encode import EncodedEpochs, EncodedOnDemand, encode_epochs
from regard.files import write_json
from regard.settings import make_config
from regard.system import cores, describe_system
from regard.training.data import Data
from regard.training.distributed import SingleProcess
from regard.training.folder import open_run
from regard.training.report import NoReport

HERE = Path(__file__).resolve().parent


def settings(batch_tokens: int, size: int) -> Config:
    """The changes of the text are on, and BPE-dropout on the side where it helps."""
    train = {"batch_tokens": batch_tokens, "pool_pairs": 131_072}
    vocabulary = {"size": size, "source_bpe_dropout": 0.1}
    return make_config({"train": train, "vocabulary": vocabulary}, "benchmarks/feeding.py")


def tokens_of(batch: Batch) -> int:
    """Target tokens that are not padding, </s> among them: what `regard train` counts."""
    return int((batch.after != 0).sum())


def tokens_a_second(batches: Iterator[tuple[Position, Batch]], seconds: float) -> float:
    """After a first batch, which waits for the first pool."""
    next(batches)
    tokens, began = 0, time.perf_counter()
    while (spent := time.perf_counter() - began) < seconds:
        tokens += sum(tokens_of(batch) for _, batch in islice(batches, 10))
    return tokens / spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--batch-tokens", type=int, default=64_000)
    parser.add_argument("--vocabulary", type=int, default=8000)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--results", type=Path, default=HERE / "results")
    asked = parser.parse_args()
    config = settings(asked.batch_tokens, asked.vocabulary)
    data = Data((asked.source, asked.target), (), ("en", "fr"))
    with tempfile.TemporaryDirectory() as folder:
        run = open_run(Path(folder) / "run", data, config, None, SingleProcess(), NoReport())
        assert isinstance(run.encoded, EncodedOnDemand)
        options = BatchOptions(asked.batch_tokens, config.train.pool_pairs, config.train.seed)
        result = {"pairs": len(run.texts), "batch tokens": asked.batch_tokens}
        on_demand = tokens_a_second(stream(run.encoded, options, FIRST), asked.seconds)
        result["tokens/s, encoded while training"] = round(on_demand)
        encoded, began = Path(folder) / "encoded", time.perf_counter()
        encode_epochs(run.encoded, 1, cores(), encoded, lambda _: None)
        result["seconds to encode an epoch beforehand"] = round(time.perf_counter() - began, 1)
        size = sum(file.stat().st_size for file in encoded.iterdir())
        result["MB of an encoded epoch"] = round(size / 1e6, 1)
        beforehand = tokens_a_second(stream(EncodedEpochs(encoded), options, FIRST), asked.seconds)
        result["tokens/s, encoded beforehand"] = round(beforehand)
        run.lock.close()
    result["system"] = describe_system()
    asked.results.mkdir(parents=True, exist_ok=True)
    write_json(asked.results / "feeding.json", result)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
