"""The laws of the model, on tiny networks with large random weights."""

from itertools import product
from math import exp, sqrt, tanh
from typing import NamedTuple

import pytest
import torch
from torch import Tensor
from torch.nn.functional import layer_norm
from torch.testing import assert_close

from regard import special
from regard.model.decoder import DECODERS
from regard.model.encoder import DIRECTIONS, ENCODERS, Bidirectional
from regard.model.layers import Dropout, Embedding
from regard.model.memory import Memory, rows
from regard.model.network import EncoderDecoder
from regard.model.recurrence import RECURRENCES, Recurrence
from regard.model.scores import SCORES, Additive, Score
from regard.model.sizes import Dropouts, Sizes
from regard.special import END, PAD, START

SOURCE = torch.tensor([[4, 5, 6, 7, END], [8, 9, END, PAD, PAD]])
BEFORE = torch.tensor([[START, 4, 5, 6], [START, 7, 8, 9]])


class Made(NamedTuple):
    """How a network is made."""

    attention: str = "general"
    layer_type: str = "gru"
    """Of both sides, or of the encoder / the decoder."""
    layers: int = 1
    heads: int = 1
    """With two, recurrent layers have feed-forward sublayers."""
    encoder: str = "bidirectional"
    tie: str = "none"


PLAIN = Made()
NO_DROPOUT = Dropouts()


def network(made: Made = PLAIN, dropouts: Dropouts = NO_DROPOUT) -> EncoderDecoder:
    """All sizes differ where they may, so that none can stand in for another."""
    torch.manual_seed(0)
    encoder_type, _, decoder_type = made.layer_type.partition("/")
    has_self_attention = "self-attention" in made.layer_type
    is_square = has_self_attention or made.attention == "dot"
    inner_size = 10 if has_self_attention or made.heads == 2 else 0
    sizes = Sizes(
        source_tokens=13 if made.tie == "all" else 11,
        target_tokens=13,
        embedding_size=8 if has_self_attention else 6,
        encoder_size=8,
        decoder_size=8 if is_square else 12,
        encoder_layers=made.layers,
        decoder_layers=made.layers,
        heads=made.heads,
        attention=made.attention,
        encoder_layer_type=encoder_type,
        decoder_layer_type=decoder_type or encoder_type,
        encoder=made.encoder,
        self_attention_heads=2,
        encoder_feed_forward_size=inner_size,
        decoder_feed_forward_size=inner_size,
        tie=made.tie,
    )
    model = EncoderDecoder(sizes, dropouts)
    large(model)
    return model.eval()


def large(module: torch.nn.Module) -> None:
    """Random weights so large that nothing drowns in rounding."""
    for weight in module.parameters():
        torch.nn.init.uniform_(weight, -0.7, 0.7)


LAYER_TYPES = [*DECODERS, "self-attention/ssru", "lstm/self-attention"]

every_network = pytest.mark.parametrize(
    "made",
    [
        Made(attention, layer_type, 1 + (i + j + k) % 2, 1 + (i // 2 + j + k) % 2, encoder)
        for (i, attention), (j, layer_type), (k, encoder) in product(
            enumerate(SCORES), enumerate(LAYER_TYPES), enumerate(DIRECTIONS)
        )
    ],
    ids=lambda made: "-".join(map(str, made[:-1])),
)
"""Each score with each type of layer and each direction; layers and heads take turns."""

every_score = pytest.mark.parametrize("attention", SCORES)
every_recurrence = pytest.mark.parametrize("recurrence", RECURRENCES)
every_encoder = pytest.mark.parametrize("encoder", DIRECTIONS)
every_depth = pytest.mark.parametrize("layers", [1, 2])
every_heads = pytest.mark.parametrize("heads", [1, 2])


def test_the_names_that_options_know_are_those_of_the_tables():
    assert tuple(SCORES) == special.SCORE_NAMES
    assert tuple(ENCODERS) == tuple(DECODERS) == special.LAYER_NAMES
    assert tuple(DIRECTIONS) == special.ENCODER_NAMES


# The whole network


@every_network
def test_stepping_token_by_token_gives_what_all_tokens_at_once_give(made):
    model = network(made)
    at_once = model(SOURCE, BEFORE)
    memory = model.encode(SOURCE)
    state = model.initial_state(memory)
    for place in range(BEFORE.size(1)):
        step = model.step(BEFORE[:, [place]], memory, state)
        state = step.state
        assert_close(step.logits, at_once.logits[:, [place]])
        for look, whole in zip(step.attentions, at_once.attentions, strict=True):
            assert_close(look.scores, whole.scores[:, :, [place]])
            assert_close(look.weights, whole.weights[:, :, [place]])
            assert_close(look.context, whole.context[:, :, [place]])
    assert_close(state, at_once.state)


@every_network
def test_the_weights_of_a_token_sum_to_one_and_padding_has_none(made):
    looks = network(made)(SOURCE, BEFORE).attentions
    assert len(looks) == made.layers
    for look in looks:
        assert look.weights.shape == (2, made.heads, 4, 5)
        assert_close(look.weights.sum(-1), torch.ones(2, made.heads, 4))
        assert (look.weights[1, :, :, 3:] == 0).all()


@every_network
def test_padding_changes_nothing(made):
    model = network(made)
    assert_close(model(SOURCE, BEFORE).logits[1:], model(SOURCE[1:, :3], BEFORE[1:]).logits)


@every_network
def test_sentences_of_a_batch_do_not_disturb_each_other(made):
    model = network(made)
    assert_close(model(SOURCE, BEFORE).logits[:1], model(SOURCE[:1], BEFORE[:1]).logits)


@every_network
def test_every_weight_learns_something_finite(made):
    model = network(made).train()
    source, target = torch.randint(4, 11, (8, 5)), torch.randint(4, 13, (8, 5))
    source[:, 4] = target[:, 4] = END
    before = torch.cat([torch.full((8, 1), START), target[:, :-1]], dim=1)
    model.loss(source, before, target, 0.1).backward()
    for name, weight in model.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.isfinite().all(), name
        assert weight.grad.any(), name


@every_network
def test_a_look_weighs_the_states_of_its_own_head(made):
    model = network(made)
    states = model.encode(SOURCE).states
    values = model.decoder.values(states) or [states] * made.layers
    for look, added in zip(model(SOURCE, BEFORE).attentions, values, strict=True):
        for head, slice_ in enumerate(added.chunk(made.heads, dim=-1)):
            assert_close(look.context[:, head], look.weights[:, head] @ slice_)


@every_recurrence
@every_depth
def test_the_logits_are_those_of_the_mission_by_hand(recurrence, layers):
    model = network(Made("general", recurrence, layers))
    step, start = model(SOURCE, BEFORE), model.initial_state(model.encode(SOURCE))
    inputs = model.decoder.embed.table.weight[BEFORE] * sqrt(6)
    for layer, look, state in zip(model.decoder.layers, step.attentions, start, strict=True):
        hidden, _ = layer.recur(inputs, state)
        both = torch.cat([hidden, look.context[:, 0]], dim=-1)
        fed = torch.tanh(both @ layer.feed_forward[0].weight.T + layer.feed_forward[0].bias)
        if layers > 1:
            norm = layer.norm
            fed = layer_norm(inputs + fed, (6,), norm.weight, norm.bias)
        inputs = fed
    assert_close(
        step.logits, inputs @ model.decoder.output_layer.weight.T + model.decoder.output_layer.bias
    )


@every_recurrence
def test_the_decoder_begins_with_a_bridge_from_the_final_state(recurrence):
    model = network(Made(layer_type=recurrence, layers=2))
    memory = model.encode(SOURCE)
    for layer, state in zip(model.decoder.layers, model.initial_state(memory), strict=True):
        bridged = torch.tanh(memory.final @ layer.bridge[0].weight.T + layer.bridge[0].bias)
        assert_close(torch.cat(state, dim=-1), bridged)


# What the decoder heeds


def memory_of(model: EncoderDecoder, memory: Memory, states: Tensor) -> Memory:
    """The memory of other encoder states."""
    keys, values = model.decoder.keys(states), model.decoder.values(states)
    return memory._replace(states=states, keys=keys, values=values)


@pytest.mark.parametrize("recurrence", LAYER_TYPES)
@every_depth
@every_encoder
def test_without_attention_only_the_final_state_is_heeded(recurrence, layers, encoder):
    model = network(Made("none", recurrence, layers, 2, encoder))
    memory = model.encode(SOURCE)
    step = model.step(BEFORE, memory, model.initial_state(memory))
    for look in step.attentions:
        assert (look.weights[0, :, :, 4] == 1).all()
        assert (look.weights[1, :, :, 2] == 1).all()
    assert torch.equal(memory.final, torch.stack([memory.states[0, 4], memory.states[1, 2]]))
    garbage = torch.randn_like(memory.states)
    garbage[0, 4], garbage[1, 2] = memory.final
    forgetful = memory_of(model, memory, garbage)
    assert torch.equal(
        model.step(BEFORE, forgetful, model.initial_state(forgetful)).logits, step.logits
    )


@pytest.mark.parametrize("layer_type", ["gru", "self-attention"])
@pytest.mark.parametrize("attention", [name for name in SCORES if name != "none"])
def test_with_attention_every_state_is_heeded(attention, layer_type):
    model = network(Made(attention, layer_type))
    memory = model.encode(SOURCE[:1])
    state = model.initial_state(memory)
    logits = model.step(BEFORE[:1], memory, state).logits
    for place in range(5):
        states = memory.states.clone()
        states[0, place] += 1
        other = memory_of(model, memory, states)
        assert not torch.allclose(model.step(BEFORE[:1], other, state).logits, logits, atol=1e-3)


def read(recurrence: Recurrence, inputs: Tensor) -> list[Tensor]:
    """The hidden state behind each token, read one by one."""
    zeros = inputs.new_zeros(1, recurrence.hidden_size)
    state, hidden = (zeros,) * recurrence.state_tensors, []
    for token in inputs:
        one, state = recurrence(token[None, None], state)
        hidden.append(one[0, 0])
    return hidden


@every_recurrence
@every_depth
@every_encoder
def test_the_state_at_the_end_is_the_final_one_of_both_directions(recurrence, layers, encoder):
    encoder = network(Made("general", recurrence, layers, 1, encoder)).encoder
    states = encoder(SOURCE).states
    for row, sentence in enumerate([SOURCE[0], SOURCE[1, :3]]):
        by_hand = encoder.embed(sentence[None])[0]
        for layer, norm in zip(encoder.layers, encoder.norms, strict=True):
            if isinstance(layer, Bidirectional):
                right = read(layer.forward_rnn, by_hand)
                left = read(layer.backward_rnn, by_hand.flip(0))[::-1]
                left[-1] = left[0]  # at </s>, what has read the whole sentence
                written = torch.cat([torch.stack(right), torch.stack(left)], dim=-1)
            else:
                written = torch.stack(read(layer.forward_rnn, by_hand))
            by_hand = norm.residual(by_hand[None], written[None])[0]
        assert_close(states[row, : len(sentence)], by_hand)


def test_with_several_layers_the_encoder_adds_and_normalises():
    first, second = network(Made(layers=2)).encoder.norms
    read, written = torch.randn(2, 3, 8), torch.randn(2, 3, 8)
    alone, added = (layer_norm(x, (8,)) for x in (written, read + written))
    assert_close(first.residual(read, written), alone * first.weight + first.bias)
    assert_close(second.residual(read, written), added * second.weight + second.bias)


# The bias that a caller adds to the scores


@every_network
def test_a_bias_of_minus_infinity_takes_a_source_token_out_of_every_look(made):
    model = network(made)
    memory = model.encode(SOURCE)
    bias = torch.zeros(2, 4, 5)
    bias[0, 2, 1] = bias[1, 3, 0] = -torch.inf
    free = model.step(BEFORE, memory, model.initial_state(memory))
    step = model.step(BEFORE, memory, model.initial_state(memory), bias)
    for look in step.attentions:
        assert (look.weights[0, :, 2, 1] == 0).all()
        assert (look.weights[1, :, 3, 0] == 0).all()
        assert_close(look.weights.sum(-1), torch.ones(2, made.heads, 4))
    first, before = step.attentions[0].weights[0, :, 2], free.attentions[0].weights[0, :, 2].clone()
    before[:, 1] = 0
    assert_close(first, before / before.sum(-1, keepdim=True))


@every_network
def test_a_bias_of_zero_changes_nothing(made):
    model = network(made)
    memory = model.encode(SOURCE)
    state = model.initial_state(memory)
    free = model.step(BEFORE, memory, state)
    assert torch.equal(model.step(BEFORE, memory, state, torch.zeros(2, 4, 5)).logits, free.logits)
    assert torch.equal(model.step(BEFORE, memory, state, torch.zeros(2, 1, 5)).logits, free.logits)


def test_what_a_look_shows_is_what_was_computed():
    model = network(Made(layers=2, heads=2))
    memory = model.encode(SOURCE)
    bias = torch.randn(2, 4, 5)
    for look in model.step(BEFORE, memory, model.initial_state(memory), bias).attentions:
        assert_close(look.weights, look.scores.softmax(-1))


# Each score against one that is written out


def projected(matrix: list[list[float]], vector: list[float]) -> list[float]:
    return [sum(w * x for w, x in zip(row, vector, strict=True)) for row in matrix]


def by_hand(score: Score, name: str, hidden: list[float], state: list[float], head: int) -> float:
    """The score of one hidden state and one encoder state in one head, with floats."""
    key = projected(score.key.weight.tolist(), state) if hasattr(score, "key") else state
    size = len(hidden) // score.heads
    mine = slice(head * size, (head + 1) * size)
    if name == "additive":
        query = projected(score.query.weight.tolist(), hidden)
        terms = zip(query, score.query.bias.tolist(), key, strict=True)
        energy = [tanh(q + b + k) for q, b, k in terms][mine]
        return sum(v * e for v, e in zip(score.energy[head].tolist(), energy, strict=True))
    product_ = sum(h * k for h, k in zip(hidden[mine], key[mine], strict=True))
    return product_ / sqrt(size) if name == "scaled" else product_


@pytest.mark.parametrize("attention", ["dot", "general", "scaled", "additive"])
@every_heads
def test_each_score_is_the_one_written_out_by_hand(attention, heads):
    torch.manual_seed(0)
    hidden_size, states_size = (6, 6) if attention == "dot" else (6, 4)
    score = SCORES[attention](hidden_size, states_size, heads)
    large(score)
    hidden, states = torch.randn(2, 3, hidden_size), torch.randn(2, 4, states_size)
    is_token = torch.tensor([[True] * 4, [True, True, False, False]])
    scores = score(hidden, score.keys(states), is_token[:, None])
    assert scores.shape == (2, heads, 3, 4)
    for row, head, t, s in product(range(2), range(heads), range(3), range(4)):
        expected = by_hand(score, attention, hidden[row, t].tolist(), states[row, s].tolist(), head)
        if not is_token[row, s]:
            expected = -torch.inf
        assert scores[row, head, t, s].item() == pytest.approx(expected, abs=1e-5)


@every_heads
def test_the_uniform_score_is_the_same_for_every_token(heads):
    weights = network(Made("uniform", heads=heads))(SOURCE, BEFORE).attentions[0].weights
    assert_close(weights[0], torch.full((heads, 4, 5), 1 / 5))
    assert_close(weights[1, :, :, :3], torch.full((heads, 4, 3), 1 / 3))


def test_the_additive_score_is_that_of_bahdanau_by_hand():
    score = Additive(2, 2, 1)
    with torch.no_grad():
        score.query.weight.copy_(torch.tensor([[1.0, 1.0], [0.0, 2.0]]))
        score.query.bias.copy_(torch.tensor([0.5, 1.0]))
        score.key.weight.copy_(torch.tensor([[1.0, 0.0], [1.0, -1.0]]))
        score.energy.copy_(torch.tensor([[2.0, -1.0]]))
    hidden = torch.tensor([[[0.5, -1.0]]])  # W hidden + b = (0, -1)
    states = torch.tensor([[[1.0, 2.0], [-1.0, 0.0]]])  # U state = (1, -1) and (-1, -1)
    scores = score(hidden, score.keys(states), torch.tensor([[[True, True]]]))
    # 2 tanh(1) - tanh(-2) = 2 · 0.761594 + 0.964028; 2 tanh(-1) - tanh(-2)
    assert_close(scores, torch.tensor([[[[2.487216, -0.559161]]]]))


# Each recurrence against the equations of its paper


def sigmoid(x: float) -> float:
    return 1 / (1 + exp(-x))


def affine(weight: Tensor, bias: Tensor, vector: list[float]) -> list[float]:
    pairs = zip(projected(weight.tolist(), vector), bias.tolist(), strict=True)
    return [product_ + offset for product_, offset in pairs]


Numbers = list[float]


def gru(unit: Recurrence, x: Numbers, hidden: Numbers) -> tuple[Numbers]:
    """Cho et al. 2014, eq. 5-8, with cuDNN's two biases: reset, update, candidate."""
    cell, n = unit.cell, len(hidden)
    read, kept = affine(cell.weight_ih_l0, cell.bias_ih_l0, x), []
    recalled = affine(cell.weight_hh_l0, cell.bias_hh_l0, hidden)
    for i in range(n):
        reset = sigmoid(read[i] + recalled[i])
        update = sigmoid(read[n + i] + recalled[n + i])
        candidate = tanh(read[2 * n + i] + reset * recalled[2 * n + i])
        kept.append(update * hidden[i] + (1 - update) * candidate)
    return (kept,)


def lstm(unit: Recurrence, x: Numbers, hidden: Numbers, cell: Numbers) -> tuple[Numbers, Numbers]:
    """Gers et al. 2000: input gate, forget gate, candidate, output gate."""
    weights, n = unit.cell, len(hidden)
    read = affine(weights.weight_ih_l0, weights.bias_ih_l0, x)
    recalled = affine(weights.weight_hh_l0, weights.bias_hh_l0, hidden)
    both = [a + b for a, b in zip(read, recalled, strict=True)]
    after, cells = [], []
    for i in range(n):
        cells.append(sigmoid(both[n + i]) * cell[i] + sigmoid(both[i]) * tanh(both[2 * n + i]))
        after.append(sigmoid(both[3 * n + i]) * tanh(cells[i]))
    return after, cells


def ssru(unit: Recurrence, x: Numbers, hidden: Numbers, cell: Numbers) -> tuple[Numbers, Numbers]:
    """Kim et al. 2019, eq. 1-2."""
    weight, bias, n = unit.gate_and_candidate.weight, unit.gate_and_candidate.bias, len(hidden)
    forget = [sigmoid(gate) for gate in affine(weight[:n], bias[:n], x)]
    fresh = affine(weight[n:], bias[n:], x)
    cells = [f * c + (1 - f) * w for f, c, w in zip(forget, cell, fresh, strict=True)]
    return [max(0.0, c) for c in cells], cells


EQUATIONS = {"gru": gru, "lstm": lstm, "ssru": ssru}


@every_recurrence
def test_each_recurrence_follows_the_equations_of_its_paper(recurrence):
    torch.manual_seed(0)
    unit = RECURRENCES[recurrence](3, 4)
    large(unit)
    inputs = torch.randn(2, 5, 3)
    state = tuple(torch.randn(2, 4) for _ in range(unit.state_tensors))
    hidden, after = unit(inputs, state)
    assert len(after) == unit.state_tensors
    for row in range(2):
        carried = tuple(part[row].tolist() for part in state)
        for place in range(5):
            carried = EQUATIONS[recurrence](unit, inputs[row, place].tolist(), *carried)
            assert_close(hidden[row, place], torch.tensor(carried[0]))
        for part, expected in zip(after, carried, strict=True):
            assert_close(part[row], torch.tensor(expected))


# Parts


def test_rows_repeats_reorders_and_drops_in_every_tensor_of_a_nested_tuple():
    states, is_token = torch.randn(3, 2, 4), torch.tensor([[True, True]] * 2 + [[True, False]])
    keys, carried = torch.randn(3, 2, 5), torch.randn(3, 6)
    memory, state = (
        Memory(states, (keys, 2 * keys), (), is_token),
        ((carried,), (carried, -carried)),
    )
    picked, (first, second) = rows((memory, state), torch.tensor([2, 0, 0]))
    assert isinstance(picked, Memory)
    for place, row in enumerate([2, 0, 0]):
        assert torch.equal(picked.states[place], states[row])
        assert torch.equal(picked.keys[1][place], 2 * keys[row])
        assert torch.equal(picked.is_token[place], is_token[row])
        assert torch.equal(first[0][place], carried[row])
        assert torch.equal(second[1][place], -carried[row])
    assert rows(memory, torch.tensor([], dtype=torch.int64)).states.shape == (0, 2, 4)


@pytest.mark.parametrize(("tie", "matrices"), [("none", 3), ("target", 2), ("all", 1)])
def test_tying_makes_one_matrix(tie, matrices):
    model = network(Made(tie=tie))
    source, target = model.encoder.embed.table.weight, model.decoder.embed.table.weight
    word = model.decoder.output_layer.weight
    assert len({id(matrix) for matrix in (source, target, word)}) == matrices
    assert (word is target) == (tie != "none")
    assert (source is target) == (tie == "all")
    assert sum(matrix.shape in {(11, 6), (13, 6)} for matrix in model.parameters()) == matrices


# Dropout


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_dropout_leaves_out_its_share_and_keeps_the_mean(p):
    torch.manual_seed(0)
    dropout = Dropout(p).train()
    numbers = torch.full((300, 333), 2.0)
    left = dropout(numbers)
    assert (left == 0).float().mean().item() == pytest.approx(p, abs=0.01)
    assert left.mean().item() == pytest.approx(2.0, rel=0.03)
    assert_close(left[left != 0], torch.full_like(left[left != 0], 2 / (1 - p)), rtol=1e-3, atol=0)


def test_dropout_leaves_out_each_number_independently_of_its_neighbours():
    torch.manual_seed(0)
    kept = (Dropout(0.5).train()(torch.ones(100_000)) != 0).float() - 0.5
    for apart in (1, 2, 3, 4, 8):
        assert abs((kept[apart:] * kept[:-apart]).mean().item()) < 0.25 * 0.02


@pytest.mark.parametrize("shape", [(1,), (2,), (3,), (5,), (7, 3), (2, 1, 9), (0,)])
def test_dropout_takes_any_shape(shape):
    torch.manual_seed(0)
    left = Dropout(0.5).train()(torch.ones(shape))
    assert left.shape == shape
    assert ((left == 0) | (left == 2)).all()


def test_dropout_reaches_the_last_number_too():
    torch.manual_seed(0)
    dropout = Dropout(0.5).train()
    for size in (1, 2, 3, 4, 5):
        kept = torch.stack([dropout(torch.ones(size)) for _ in range(60)]) != 0
        assert kept.any(0).all() and not kept.all(0).any()


def test_dropout_leaves_everything_alone_in_translation():
    numbers = torch.randn(3, 5)
    assert torch.equal(Dropout(0.5).eval()(numbers), numbers)
    assert torch.equal(Dropout(0.0).train()(numbers), numbers)


def test_dropout_is_repeatable_by_its_seed():
    dropout, left = Dropout(0.3).train(), []
    for seed in (7, 7, 8):
        torch.manual_seed(seed)
        left.append(dropout(torch.ones(50)))
    assert torch.equal(left[0], left[1])
    assert not torch.equal(left[0], left[2])


def test_dropout_passes_the_gradient_of_what_it_kept():
    torch.manual_seed(0)
    numbers = torch.ones(50, requires_grad=True)
    left = Dropout(0.5).train()(numbers)
    left.sum().backward()
    assert torch.equal(numbers.grad, left.detach())


def test_token_dropout_leaves_out_whole_embeddings():
    torch.manual_seed(0)
    embed = Embedding(11, 6, 0.0, 0.5)
    tokens = torch.randint(11, (20, 30))
    whole = embed.eval()(tokens)
    left = embed.train()(tokens)
    out = (left == 0).all(-1)
    assert out.float().mean().item() == pytest.approx(0.5, abs=0.1)
    assert_close(left[~out], 2 * whole[~out])
    assert_close(whole, embed.table.weight[tokens] * sqrt(6))


@pytest.mark.parametrize(
    ("place", "part"),
    [
        ("embedding", "encoder"),
        ("embedding", "decoder"),
        ("hidden", "encoder"),
        ("hidden", "decoder"),
        ("output", "decoder"),
        ("source_token", "encoder"),
        ("target_token", "decoder"),
    ],
)
def test_each_dropout_has_an_effect_in_training_and_none_in_translation(place, part):
    made, dropouts = Made(layers=2), Dropouts(**{place: 0.5})
    expected = network(made)(SOURCE, BEFORE).logits
    model = network(made, dropouts)
    assert torch.equal(model(SOURCE, BEFORE).logits, expected)
    assert torch.equal(network(made).train()(SOURCE, BEFORE).logits, expected)
    model.get_submodule(part).train()
    assert not torch.allclose(model(SOURCE, BEFORE).logits, expected)
