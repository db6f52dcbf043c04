"""Classifiers of scenes on their three inputs, and the depth network that is trained along."""

import pytest
import torch

from depthrepro.core.errors import UserError
from depthrepro.losses.classification import CrossEntropy
from depthrepro.models.depth_anything import DepthAnything
from depthrepro.models.fastconv import FastConv
from depthrepro.models.normed_conv import NormedConv
from depthrepro.models.scene_classifier import DepthMaps, existing_checkpoint, network_input

SMALL = {"classes": 5, "conv_hidden_channels": 4, "conv_out_channels": 8, "fc_out_channels": 6}


def written(folder, **head):
    """A small depth network as a training leaves it."""
    torch.manual_seed(0)
    options = {"encoder": "resnet18", "out_channels": [4, 4, 8, 8], "features": 8, **head}
    path = folder / "last.pt"
    target = "depthrepro.models.depth_anything.DepthAnything"
    transform = {"height": 64, "width": 64, "multiple": 32, "keep_aspect": False, "interpolation": "area"}
    model = DepthAnything(**options)
    torch.nn.init.constant_(model.decoder.head[2].bias, 1.0)
    torch.save({"model": model.state_dict(), "model_config": {"_target_": target, **options}, "input": transform}, path)
    return str(path)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return written(tmp_path_factory.mktemp("run"))


@pytest.mark.parametrize(("inputs", "channels"), [("rgb", 3), ("rgb_depth", 4), ("depth", 4)])
def test_shapes(inputs, channels):
    image = torch.rand(2, channels, 20, 24)
    for model in (FastConv(inputs=inputs, input_size=(20, 24), **SMALL), NormedConv(5, inputs)):
        assert model.channels == channels and model(image)["logits"].shape == (2, 5)


@pytest.mark.parametrize(("inputs", "channels"), [("rgb", 3), ("rgb_depth", 4), ("depth", 1)])
def test_fastconv_has_the_layers_of_the_surveys_call(inputs, channels):
    """140 -> 70 -> 35 by convolutions, -> 17 by the maximum; 100 classes."""
    sizes = {name: tuple(p.shape) for name, p in FastConv(classes=100, inputs=inputs).named_parameters()}
    assert list(sizes.values()) == [
        *((64, channels, 3, 3), (64,), (128, 64, 3, 3), (128,)),
        *((128, 128 * 17 * 17), (128,), (100, 128), (100,)),
    ]
    assert sum(p.numel() for p in FastConv(classes=100).parameters()) == 4_823_652


def test_fastconv_drops_features_in_training_alone():
    torch.manual_seed(0)
    model, image = FastConv(input_size=(16, 16), **SMALL), torch.rand(1, 3, 16, 16)
    assert not torch.equal(model(image)["logits"], model(image)["logits"])
    assert torch.equal(model.eval()(image)["logits"], model(image)["logits"])


def test_depth_alone_does_not_look_at_colours():
    model, image = FastConv(inputs="depth", input_size=(16, 16), **SMALL).eval(), torch.rand(1, 4, 16, 16)
    other = image.clone()
    other[:, :3] = 0
    assert torch.equal(model(image)["logits"], model(other)["logits"])


def test_a_batch_with_depth_gets_a_fourth_channel():
    batch = {"image": torch.rand(2, 3, 4, 4), "depth": torch.rand(2, 1, 4, 4)}
    assert network_input(batch).shape == (2, 4, 4, 4)
    assert torch.equal(network_input({"image": batch["image"]}), batch["image"])


def test_cross_entropy_of_even_odds_is_the_logarithm_of_their_number():
    model = lambda image, levels: {"logits": torch.zeros(len(image), 5)}  # noqa: E731
    batch = {"image": torch.rand(3, 3, 4, 4), "label": torch.tensor([0, 2, 4])}
    assert CrossEntropy()(model, batch)["cross_entropy"].item() == pytest.approx(1.6094, abs=1e-4)


def test_depth_maps_fill_zero_to_one_at_the_images_size(checkpoint):
    maps = DepthMaps(checkpoint)(torch.rand(2, 3, 70, 66))
    assert maps.shape == (2, 1, 70, 66)
    assert torch.allclose(maps.amin(dim=(2, 3)), torch.zeros(2, 1)) and torch.allclose(
        maps.amax(dim=(2, 3)), torch.ones(2, 1)
    )


def test_maps_that_are_not_stretched_are_the_networks(checkpoint):
    maps, image = DepthMaps(checkpoint, stretch=False).eval(), torch.rand(2, 3, 64, 64)
    assert torch.equal(maps(image), next(iter(maps.network(image).values())))


def test_one_is_nearest_for_a_network_of_metres_too(tmp_path):
    maps = DepthMaps(written(tmp_path, head="metric", max_depth_m=10.0)).eval()
    image = torch.rand(1, 3, 64, 64)
    metres = maps.network(image)["depth"]
    assert maps(image).flatten()[metres.argmin()] == 1 and maps(image).flatten()[metres.argmax()] == 0


def test_a_depth_network_is_trained_along(checkpoint):
    model = FastConv(inputs="rgb_depth", depth_network=checkpoint, input_size=(64, 64), **SMALL)
    assert model.channels == 3
    model(torch.rand(2, 3, 64, 64))["logits"].sum().backward()
    grads = [p.grad for p in model.depth_network.network.decoder.parameters()]
    assert any(g is not None and g.abs().sum() > 0 for g in grads)


def test_what_does_not_exist_is_named(tmp_path):
    with pytest.raises(UserError, match="make student"):
        existing_checkpoint(str(tmp_path / "last.pt"))
    with pytest.raises(UserError, match="choose from rgb, rgb_depth, depth"):
        FastConv(inputs="thermal", **SMALL)
    with pytest.raises(UserError, match="input_size: 4x140 is too small"):
        FastConv(classes=5, input_size=(4, 140))
    with pytest.raises(UserError, match=r"built for \(140, 140\), the images have \(64, 64\)"):
        FastConv(classes=5)(torch.rand(1, 3, 64, 64))
    with pytest.raises(UserError, match="inputs are rgb alone"):
        FastConv(inputs="rgb", depth_network="x.pt", **SMALL)


def test_the_running_statistics_keep_up_with_the_weights():
    """Bright images, as photographs are: uncentred, the loss of the same images is 0.4 higher in evaluation."""
    torch.manual_seed(0)
    model, labels = NormedConv(classes=5, widths=[16, 32, 64]), torch.arange(160) % 5
    images = (0.6 + 0.1 * torch.randn(5, 3, 32, 32))[labels] + 0.05 * torch.randn(160, 3, 32, 32)
    images = (images * (0.7 + 0.5 * torch.rand(160, 1, 1, 1))).clamp(0, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    for _ in range(40):
        chosen = torch.randperm(160)[:32]
        loss = torch.nn.functional.cross_entropy(model(images[chosen])["logits"], labels[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        trained, tested = (
            torch.nn.functional.cross_entropy(model.train(mode)(images)["logits"], labels) for mode in (True, False)
        )
    assert trained < 0.2 and abs(tested - trained) < 0.1
