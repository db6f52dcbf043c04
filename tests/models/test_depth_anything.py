"""Depth Anything: sizes and meaning of the outputs, gradients, checkpoints, refusals."""

import pytest
import torch

from depthrepro.core.checkpoint import save_checkpoint
from depthrepro.core.depth_kind import Kind
from depthrepro.core.errors import UserError
from depthrepro.data.input_transform import InputTransform
from depthrepro.models.depth_anything import SIZES, DepthAnything, transform_of

TINY = {
    "encoder": "vits",
    "out_channels": [8, 8, 8, 8],
    "features": 8,
    "encoder_options": {"depth": 4, "embed_dim": 32, "num_heads": 2, "blocks": [0, 1, 2, 3], "img_size": 56},
}
LITE = {"encoder": "efficientnet_lite0", "out_channels": [8, 8, 8, 8], "features": 8}
CONFIG = {"_target_": "depthrepro.models.depth_anything.DepthAnything", "_convert_": "all", **TINY}
TRANSFORM = InputTransform(42, 56, multiple=14, keep_aspect=True, interpolation="cubic")


def network(options=TINY, **more) -> DepthAnything:
    torch.manual_seed(0)
    return DepthAnything(**{**options, **more}).eval()


@pytest.mark.parametrize(
    ("options", "size", "coarsest"),
    [
        (TINY, (56, 56), (32, 4, 4)),
        (TINY, (42, 98), (32, 3, 7)),  # odd numbers of patches: the halved map is rounded up and comes back
        (LITE, (64, 96), (320, 2, 3)),
        (LITE, (50, 70), (320, 2, 3)),
    ],
)
def test_a_map_of_the_images_size_and_features_if_asked(options, size, coarsest):
    model, image = network(options), torch.rand(2, 3, *size)
    with torch.inference_mode():
        plain, both = model(image), model(image, levels=["affine_inv_depth", "features"])
    assert list(plain) == ["affine_inv_depth"] and model.kind is Kind.affine_inv_depth
    assert plain["affine_inv_depth"].shape == (2, 1, *size)
    assert both["features"].shape == (2, *coarsest)
    assert torch.equal(both["affine_inv_depth"], plain["affine_inv_depth"])
    assert torch.equal(both["features"], model.features(image)[-1])


def test_relative_is_never_negative():
    model = network()
    image = torch.rand(1, 3, 28, 28)
    for bias, sign in ((-100.0, False), (100.0, True)):
        torch.nn.init.constant_(model.decoder.head[-1].bias, bias)
        values = model(image)["affine_inv_depth"]
        assert bool((values > 0).all()) if sign else bool((values == 0).all())


def test_metric_lies_between_nothing_and_the_largest_depth():
    model = network(head="metric", max_depth_m=20.0)
    assert model.kind is Kind.depth
    torch.nn.init.zeros_(model.decoder.head[-1].weight)
    for bias, metres in ((-100.0, 0.0), (0.0, 10.0), (100.0, 20.0)):  # sigmoid: 0, 1/2, 1
        torch.nn.init.constant_(model.decoder.head[-1].bias, bias)
        torch.testing.assert_close(model(torch.rand(1, 3, 28, 28))["depth"], torch.full((1, 1, 28, 28), metres))


def test_several_classes_give_logits():
    model = network(nclass=5)
    logits = model(torch.rand(2, 3, 28, 42))["logits"]
    assert logits.shape == (2, 5, 28, 42) and bool((logits < 0).any())


@pytest.mark.parametrize(("options", "head"), [(TINY, "relative"), (TINY, "metric"), (LITE, "relative")])
def test_the_gradient_reaches_every_parameter(options, head):
    model = network(options, head=head).train()
    torch.nn.init.constant_(model.decoder.head[-1].bias, 1.0)  # above the last ReLU
    outputs = model(torch.rand(2, 3, 56, 56))
    sum(x.square().mean() for x in outputs.values()).backward()
    assert [name for name, p in model.named_parameters() if p.grad is None] == []
    assert all(float(p.grad.abs().sum()) > 0 for name, p in model.encoder.named_parameters() if name.endswith("weight"))


@pytest.mark.parametrize(
    ("size", "channels", "features"),
    [
        ("vits", (48, 96, 192, 384), 64),
        ("vitb", (96, 192, 384, 768), 128),
        ("vitl", (256, 512, 1024, 1024), 256),
    ],
)
def test_the_published_sizes(size, channels, features):
    assert SIZES[size] == (channels, features)
    with torch.device("meta"):
        decoder = DepthAnything(size).decoder
    assert tuple(layer.out_channels for layer in decoder.project) == channels
    assert {layer.out_channels for layer in decoder.adapt} == {features}
    assert (decoder.narrow.out_channels, decoder.head[0].out_channels) == (features // 2, 32)


def test_an_unknown_head_is_told():
    with pytest.raises(UserError, match=r"model\.head: 'absolute' is unknown, choose from relative, metric"):
        DepthAnything(head="absolute")


def test_a_checkpoint_gives_the_same_map_back(tmp_path):
    model = network(head="metric", max_depth_m=20.0)
    config = {**CONFIG, "head": "metric", "max_depth_m": 20.0, "weights": "gone.pth"}  # the start's file is not needed
    save_checkpoint(
        tmp_path / "last.pt", {"model": model.state_dict(), "model_config": config, "input": TRANSFORM.as_dict()}
    )
    loaded = DepthAnything.from_checkpoint(str(tmp_path / "last.pt"))
    assert not loaded.training and loaded.kind is Kind.depth and transform_of(loaded) == TRANSFORM
    image = torch.rand(1, 3, 42, 70)
    assert torch.equal(loaded(image)["depth"], model(image)["depth"])


@pytest.mark.parametrize("head", ["bins", "metric"])
def test_metric_depth_starts_from_the_whole_network_or_its_encoder(head, tmp_path):
    start, path = network(), tmp_path / "last.pt"
    state = {"model": start.state_dict(), "model_config": CONFIG, "input": TRANSFORM.as_dict()}
    save_checkpoint(path, state)
    torch.manual_seed(1)
    whole, part = (DepthAnything(**TINY, head=head, weights=str(path), weights_of=of) for of in ("network", "encoder"))
    wanted = start.state_dict()
    assert all(torch.equal(value, wanted[name]) for name, value in whole.state_dict().items() if name in wanted)
    same = {name for name, value in part.state_dict().items() if name in wanted and torch.equal(value, wanted[name])}
    assert {name.split(".")[0] for name in wanted} == {"encoder", "decoder"}
    assert {name for name in wanted if name.startswith("encoder")} <= same and "decoder.project.0.weight" not in same


def test_a_file_without_a_decoder_is_no_whole_network(tmp_path):
    state = {name: value for name, value in network().state_dict().items() if name.startswith("encoder")}
    save_checkpoint(tmp_path / "last.pt", {"model": state, "model_config": CONFIG, "input": TRANSFORM.as_dict()})
    with pytest.raises(UserError, match=r"last\.pt: its weights do not fit: \d+ missing \(decoder\.project"):
        network(weights=str(tmp_path / "last.pt"), weights_of="network")
    with pytest.raises(UserError, match=r"model\.weights_of: 'head' is unknown, choose from encoder, network"):
        network(weights_of="head")


def test_a_network_that_was_not_loaded_has_no_transform():
    with pytest.raises(UserError, match="size of its input is not known"):
        transform_of(network())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"features": 4}, "of another shape"),
        ({"nclass": 3}, r"2 not known \(decoder\.narrow\.weight, decoder\.narrow\.bias\); 4 of another shape"),
        ({"wings": 2}, "does not take its arguments .*wings.*another version"),
        ({"head": "absolute"}, "'absolute' is unknown"),
    ],
)
def test_a_checkpoint_that_does_not_fit_is_told(change, words, tmp_path):
    state = {"model": network().state_dict(), "model_config": {**CONFIG, **change}, "input": TRANSFORM.as_dict()}
    save_checkpoint(tmp_path / "last.pt", state)
    with pytest.raises(UserError, match=words):
        DepthAnything.from_checkpoint(tmp_path / "last.pt")


def test_a_checkpoint_of_another_network_or_none(tmp_path):
    state = {"model": {"w": torch.zeros(1)}, "model_config": {"_target_": "depthrepro.models.garg.GargNet"}}
    save_checkpoint(tmp_path / "garg.pt", state)
    with pytest.raises(UserError, match=r"garg\.pt: no weights of Depth Anything's"):
        DepthAnything.from_checkpoint(tmp_path / "garg.pt")
    with pytest.raises(UserError, match=r"none\.pt: no such file"):
        DepthAnything.from_checkpoint(tmp_path / "none.pt")
