"""The laws of the options."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regard.config import Config, options
from regard.errors import RegardError
from regard.settings import make_config, override, read_config


def test_every_option_has_a_name_a_default_and_a_reason():
    every = list(options())
    assert len({option.name for option in every}) == len(every) > 40
    assert all(option.description for option in every)


@pytest.mark.parametrize("refusal", [OSError, TypeError])
def test_a_wrong_option_is_told_where_there_is_no_source(monkeypatch, refusal):
    def none_is_there(section):
        raise refusal("could not get source code")

    monkeypatch.setattr("inspect.getsource", none_is_there)
    with pytest.raises(RegardError, match=r"train\.updates = 0"):
        make_config({"train": {"updates": 0}}, "nowhere")


def test_nothing_given_is_the_defaults():
    assert make_config({}, "nowhere") == Config()


def test_a_configuration_written_and_read_is_the_same():
    config = make_config({"train": {"updates": 7}, "model": {"attention": "none"}}, "here")
    assert make_config(msgspec.to_builtins(config), "here") == config


@pytest.mark.parametrize(
    ("assignment", "section", "name", "value"),
    [
        ("train.updates=7", "train", "updates", 7),
        ("model.attention=none", "model", "attention", "none"),
        ('model.attention="none"', "model", "attention", "none"),
        ("vocabulary.joint=false", "vocabulary", "joint", False),
        ("train.learning_rate=1e-4", "train", "learning_rate", 1e-4),
        ("train.adam_betas=[0.8, 0.9]", "train", "adam_betas", (0.8, 0.9)),
    ],
)
def test_an_option_on_the_command_line_is_the_option(assignment, section, name, value):
    config = make_config(override({}, [assignment]), "the command line")
    assert getattr(getattr(config, section), name) == value


def test_the_command_line_goes_over_the_file():
    settings = override({"train": {"updates": 1, "seed": 3}}, ["train.updates=2"])
    assert settings == {"train": {"updates": 2, "seed": 3}}


@given(st.text(max_size=20))
def test_whatever_is_typed_is_an_option_or_a_clear_error(typed):
    try:
        make_config(override({}, [typed]), "here")
    except RegardError as error:
        assert error.what and error.where and error.to_do


def test_a_file_of_options_is_read(tmp_path):
    file = tmp_path / "run.toml"
    file.write_text("[train]\nupdates = 5\n")
    assert make_config(read_config(file), str(file)).train.updates == 5
