"""Weights in files: every wrapping is taken off, nothing is loaded in part, and damage is told with the file's name."""

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from depthrepro.core.errors import UserError
from depthrepro.models.weights import load_strictly, read_weights, summarise


class Other:
    """What no weights file may hold."""


@pytest.mark.parametrize("wrap", [lambda s: s, lambda s: {"model": s}, lambda s: {"model": {"state_dict": s}, "n": 3}])
def test_wrappings_are_taken_off(wrap, tmp_path):
    torch.save(wrap({"module.a.weight": torch.ones(2)}), tmp_path / "a.pth")
    state = read_weights(tmp_path / "a.pth")
    assert list(state) == ["a.weight"] and state["a.weight"].tolist() == [1, 1]


def test_safetensors(tmp_path):
    save_file({"a": torch.ones(2)}, tmp_path / "a.safetensors")
    assert read_weights(tmp_path / "a.safetensors")["a"].tolist() == [1, 1]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.pth", b"version https://git-lfs.github.com/spec/v1", "the weights cannot be read"),
        ("a.pth", b"", "the weights cannot be read"),
        ("a.safetensors", b"cut off", "the weights cannot be read"),
        ("a.pth", {"model": Other()}, "the weights cannot be read"),  # would be executed by an ordinary unpickling
        ("a.pth", {"a": 1}, "holds no weights by name"),
        ("a.pth", [torch.zeros(1)], "holds no weights by name"),
    ],
)
def test_damage_is_told(name, content, words, tmp_path):
    file = tmp_path / name
    file.write_bytes(content) if isinstance(content, bytes) else torch.save(content, file)
    with pytest.raises(UserError) as error:
        read_weights(file)
    assert str(file) in str(error.value) and words in str(error.value)
    assert "\n" not in str(error.value) and "weights_only" not in str(error.value)


def test_half_a_file(tmp_path):
    torch.save({"a": torch.zeros(1000)}, tmp_path / "a.pth")
    content = (tmp_path / "a.pth").read_bytes()
    (tmp_path / "a.pth").write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match=r"a\.pth: the weights cannot be read .*; fetch the file again"):
        read_weights(tmp_path / "a.pth")


def test_all_or_nothing():
    model = nn.Linear(2, 1)
    before = model.weight.clone()
    state = {"weight": torch.ones(1, 2, dtype=torch.float16), "more": torch.ones(1)}
    with pytest.raises(UserError, match=r"^x: its weights do not fit: 1 missing \(bias\); 1 not known \(more\)$"):
        load_strictly(model, state, "x")
    assert torch.equal(model.weight, before)
    load_strictly(model, {"weight": state["weight"], "bias": torch.full((1,), 2.0)}, "x")
    assert model.weight.dtype == torch.float32 and model(torch.ones(1, 2)).item() == 4


def test_another_shape_is_told_with_both():
    state = {"weight": torch.ones(1, 3), "bias": torch.ones(1)}
    with pytest.raises(UserError, match=r"1 of another shape \(weight \(1, 3\) for \(1, 2\)\)"):
        load_strictly(nn.Linear(2, 1), state, "x")


def test_many_names_are_counted_by_module():
    names = [f"encoder.vit.blocks.{i}.x" for i in range(9)] + ["decoder.head.0.bias"]
    assert summarise(names).endswith("6 more in encoder.vit.blocks, 1 more in decoder.head.0")
    assert summarise(["a", "b"]) == "a, b"


@pytest.mark.parametrize("odd", [torch.zeros(2, dtype=torch.complex64), torch.zeros(2).to_sparse()])
def test_complex_and_sparse_tensors_are_not_cut_to_real_ones(odd):
    model = nn.ParameterDict({"a": torch.zeros(2)})
    with pytest.raises(UserError, match=r"x\.pt: its weights do not fit: 1 no plain numbers \(a\)"):
        load_strictly(model, {"a": odd}, "x.pt")
