"""FastConv on its three inputs, and the depth network that is trained along."""

import pytest
import torch

from depthrepro.core.errors import UserError
from depthrepro.losses.classification import CrossEntropy
from depthrepro.models.depth_anything import DepthAnything
from depthrepro.models.fastconv import DepthMaps, FastConv, existing_checkpoint, network_input

SMALL = {"classes": 5, "widths": [4, 8]}


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
    model = FastConv(inputs=inputs, **SMALL)
    assert model.channels == channels
    assert model(torch.rand(2, channels, 20, 24))["logits"].shape == (2, 5)


def test_depth_alone_does_not_look_at_colours():
    model, image = FastConv(inputs="depth", **SMALL).eval(), torch.rand(1, 4, 16, 16)
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


def test_one_is_nearest_for_a_network_of_metres_too(tmp_path):
    maps = DepthMaps(written(tmp_path, head="metric", max_depth_m=10.0)).eval()
    image = torch.rand(1, 3, 64, 64)
    metres = maps.network(image)["depth"]
    assert maps(image).flatten()[metres.argmin()] == 1 and maps(image).flatten()[metres.argmax()] == 0


def test_a_depth_network_is_trained_along(checkpoint):
    model = FastConv(inputs="rgb_depth", depth_network=checkpoint, **SMALL)
    assert model.channels == 3
    model(torch.rand(2, 3, 64, 64))["logits"].sum().backward()
    grads = [p.grad for p in model.depth_network.network.decoder.parameters()]
    assert any(g is not None and g.abs().sum() > 0 for g in grads)


def test_what_does_not_exist_is_named(tmp_path):
    with pytest.raises(UserError, match="make student"):
        existing_checkpoint(str(tmp_path / "last.pt"))
    with pytest.raises(UserError, match="choose from rgb, rgb_depth, depth"):
        FastConv(inputs="thermal", **SMALL)
    with pytest.raises(UserError, match="inputs are rgb alone"):
        FastConv(inputs="rgb", depth_network="x.pt", **SMALL)


def test_the_running_statistics_keep_up_with_the_weights():
    """Bright images, as photographs are: uncentred, the loss of the same images is 0.4 higher in evaluation."""
    torch.manual_seed(0)
    model, labels = FastConv(classes=5, widths=[16, 32, 64]), torch.arange(160) % 5
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
