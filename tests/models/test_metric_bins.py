"""Metric bins: every part by hand, and the whole network beside the reference implementation."""

import pytest
import torch

from depthrepro.core.errors import UserError
from depthrepro.losses.metric import MetricLoss
from depthrepro.models.depth_anything import DepthAnything
from depthrepro.models.encoders import make_encoder, resize_map
from depthrepro.models.metric_bins import (
    Attractors,
    BinWeights,
    DecoderMaps,
    MetricBins,
    SeedBins,
    attraction,
    log_binomial_weights,
)
from depthrepro.models.published import our_names
from depthrepro.models.weights import load_strictly

SMALL = {"bins": 16, "dim": 24, "attractors": [5, 4, 3, 1]}


def test_attraction_by_hand():
    assert attraction(torch.tensor(0.1), alpha=300).item() == pytest.approx(0.1 / (1 + 300 * 0.01))
    assert attraction(torch.tensor(-2.0), alpha=1, gamma=2).item() == pytest.approx(-2 / 5)
    near, far = attraction(torch.tensor([0.05, 5.0]))
    assert near > far > 0, "an attractor draws what is near more than what is far"


def test_log_binomial_weights_of_three_bins_by_hand():
    # Stirling makes 4 of (2 over 1) and 1 of the ends: 0.7^2, 4 * 0.3 * 0.7 and 0.3^2, over their sum.
    found = log_binomial_weights(torch.full((1, 1, 1, 1), 0.3), torch.ones(1, 1, 1, 1), 3).flatten()
    expected = torch.tensor([0.49, 0.84, 0.09]) / 1.42
    assert torch.allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize(("p", "bin_number"), [(0.0, 0), (1.0, 15)])
def test_certain_probabilities_choose_the_first_or_the_last_bin(p, bin_number):
    weights = log_binomial_weights(torch.full((1, 1, 1, 1), p), torch.full((1, 1, 1, 1), 0.05), 16).flatten()
    assert weights.argmax() == bin_number and weights[bin_number] > 0.99


def test_a_hotter_distribution_is_flatter():
    p = torch.full((1, 1, 1, 1), 0.4)
    cold, hot = (log_binomial_weights(p, torch.full_like(p, t), 16) for t in (0.1, 20.0))
    assert cold.max() > hot.max() and hot.min() > cold.min()


def test_log_binomial_weights_are_those_of_the_formula_written_out():
    torch.manual_seed(0)
    bins, k = 16, torch.arange(16, dtype=torch.float64).view(1, -1, 1, 1)
    p, t = (torch.rand(2, 1, 3, 4, dtype=torch.float64) for _ in range(2))
    n, stirling = bins - 1, lambda x: torch.where(x > 0, x * x.clamp(min=1e-12).log(), 0.0)
    choose = stirling(torch.tensor(15.0, dtype=torch.float64)) - stirling(k) - stirling(n - k)
    expected = torch.softmax((choose + k * p.log() + (n - k) * (1 - p).log()) / (t + 0.1), dim=1)
    assert torch.allclose(log_binomial_weights(p, t + 0.1, bins), expected, atol=1e-5)


def test_log_binomial_weights_keep_single_precision_under_autocast():
    torch.manual_seed(0)
    p, t = torch.rand(1, 1, 4, 4), torch.rand(1, 1, 4, 4) + 0.05
    with torch.autocast("cpu", torch.bfloat16):
        found = log_binomial_weights(p, t, 16)
    assert found.dtype is torch.float32 and torch.equal(found, log_binomial_weights(p, t, 16))


def test_the_first_layer_of_the_weights_is_one_convolution_of_the_joined_maps():
    torch.manual_seed(0)
    head, known = BinWeights(last=32, dim=24, bins=16, temperature=(0.02, 50.0)), maps()
    embedding = torch.randn(2, 24, 16, 24)
    joined = torch.cat([known.last, known.relative, resize_map(embedding, (32, 48))], dim=1)
    assert torch.allclose(head._hidden(known, embedding), head.net[0](joined), atol=1e-5)


def test_normed_seed_centers_fill_the_range_in_order():
    torch.manual_seed(0)
    centers = SeedBins(8, 10, "normed")(torch.randn(2, 8, 3, 4))
    assert centers.shape == (2, 10, 3, 4)
    widths = centers.diff(dim=1)
    assert (widths > 0).all() and (centers > 0).all() and (centers < 1).all()


def test_equal_widths_give_equally_spaced_centers():
    seed = SeedBins(4, 4, "normed")
    for parameter in seed.parameters():
        torch.nn.init.zeros_(parameter)
    assert torch.allclose(seed(torch.zeros(1, 4, 1, 1)).flatten(), torch.tensor([0.125, 0.375, 0.625, 0.875]))


@pytest.mark.parametrize("centers", ["softplus", "normed"])
def test_attractors_shift_centers_by_the_mean_attraction(centers):
    torch.manual_seed(0)
    part = Attractors(6, 3, centers)
    x, before = torch.randn(1, 6, 2, 2), torch.rand(1, 5, 2, 2)
    raw = part.net(x)
    if centers == "softplus":
        points = torch.nn.functional.softplus(raw)
    else:
        points = torch.relu(raw)[:, ::2] + 1e-3
    shift = attraction(points[:, :, None] - before[:, None]).mean(dim=1)
    assert torch.allclose(part(x, before), before + shift, atol=1e-6)


def maps(features=8, last=32, size=(16, 24)):
    torch.manual_seed(1)
    fused = [torch.randn(2, features, size[0] // k, size[1] // k) for k in (8, 4, 2, 1)]
    full = size[0] * 2, size[1] * 2
    return DecoderMaps(
        torch.randn(2, features, size[0] // 16, size[1] // 16),
        fused,
        torch.randn(2, last, *full),
        torch.rand(2, 1, *full),
    )


def test_depth_of_normed_bins_stays_within_the_range_and_has_gradients():
    head = MetricBins(8, depth_range=(0.5, 10.0), centers="normed", **SMALL)
    depth = head(maps())
    assert depth.shape == (2, 1, 32, 48) and depth.min() >= 0.5 and depth.max() <= 10.0
    depth.mean().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in head.parameters())


def test_depth_of_softplus_bins_is_positive_at_the_start():
    depth = MetricBins(8, **SMALL)(maps())
    assert (depth > 0).all() and torch.isfinite(depth).all()


@pytest.mark.parametrize(("wrong", "said"), [({"centers": "hybrid"}, "hybrid"), ({"attractors": [4, 2]}, "four")])
def test_unknown_arguments_are_named(wrong, said):
    with pytest.raises(UserError, match=said):
        MetricBins(8, **{**SMALL, **wrong})


def test_a_metric_head_has_one_class():
    with pytest.raises(UserError, match="nclass"):
        DepthAnything("resnet18", nclass=3, head="bins", bins=SMALL)


def reference(centers):
    """Hugging Face's ZoeDepth, small, on a DINOv2 backbone, with every parameter random."""
    transformers = pytest.importorskip("transformers", reason="the reference implementation; pip install -e '.[dev]'")
    backbone = transformers.Dinov2Config(
        hidden_size=48,
        num_hidden_layers=4,
        num_attention_heads=4,
        image_size=84,
        patch_size=14,
        out_indices=[1, 2, 3, 4],
        apply_layernorm=True,
        reshape_hidden_states=False,
    )
    config = transformers.ZoeDepthConfig(
        backbone_config=backbone,
        neck_hidden_sizes=[12, 16, 20, 24],
        fusion_hidden_size=16,
        bottleneck_features=16,
        num_relative_features=32,
        bin_embedding_dim=24,
        num_attractors=[5, 4, 3, 1],
        bin_configurations=[{"n_bins": 16, "min_depth": 0.001, "max_depth": 10.0}],
        bin_centers_type=centers,
        readout_type="project",
        add_projection=False,
        use_batch_norm_in_fusion_residual=False,
    )
    torch.manual_seed(0)
    model = transformers.ZoeDepthForDepthEstimation(config)
    with torch.no_grad():
        for name, value in model.named_parameters():
            noise = torch.randn_like(value)
            if "lambda1" in name or ("norm" in name and name.endswith("weight")):
                value.copy_(1 + 0.3 * noise)
            else:
                value.copy_(0.3 * noise if value.ndim == 1 else noise / value[0].numel() ** 0.5)
    return model.eval()


def ours(centers):
    return DepthAnything(
        "vits",
        head="bins",
        max_depth_m=10.0,
        bins={**SMALL, "centers": centers},
        out_channels=[12, 16, 20, 24],
        features=16,
        encoder_options={
            "blocks": [0, 1, 2, 3],
            "readout": "project",
            "img_size": 84,
            "embed_dim": 48,
            "depth": 4,
            "num_heads": 4,
        },
    ).eval()


@pytest.mark.parametrize("centers", ["softplus", "normed"])
def test_the_whole_network_agrees_with_transformers(centers):
    theirs, model = reference(centers), ours(centers)
    load_strictly(model, our_names(theirs.state_dict()), "transformers")
    image = torch.rand(2, 3, 84, 56)
    normalised = (image - torch.tensor(model.encoder.mean).view(1, 3, 1, 1)) / torch.tensor(model.encoder.std).view(
        1, 3, 1, 1
    )
    with torch.inference_mode():
        expected = theirs(normalised).predicted_depth
        # Theirs has 16 pixels to a patch, whatever the backbone's patch; ours the size that it is asked for.
        found = model.bins(model.decoder.maps(model.features(image), (96, 64)))[:, 0]
    assert expected.std() > 1e-2, "a flat map would agree with anything"
    assert (found - expected).abs().max() < 1e-4


def test_an_encoder_starts_from_a_checkpoint_of_the_whole_network(tmp_path):
    torch.manual_seed(0)
    model = DepthAnything("resnet18", out_channels=[4, 4, 8, 8], features=8)
    torch.save({"model": model.state_dict(), "step": 3}, tmp_path / "last.pt")
    encoder = make_encoder("resnet18", str(tmp_path / "last.pt"))
    assert all(torch.equal(a, b) for a, b in zip(encoder.parameters(), model.encoder.parameters(), strict=True))
    with pytest.raises(UserError, match="train that network first"):
        make_encoder("resnet18", str(tmp_path / "gone.pt"))


def test_metric_loss_of_a_common_factor_by_hand():
    # g = ln 2 everywhere: 10 * sqrt(g^2 - 0.85 g^2)
    batch = {"image": torch.zeros(1, 3, 2, 2), "target": torch.ones(1, 1, 2, 2), "mask": torch.ones(1, 1, 2, 2).bool()}
    found = MetricLoss()(lambda image, levels: {"depth": torch.full((1, 1, 2, 2), 2.0)}, batch, ["depth"])
    assert found["silog"].item() == pytest.approx(10 * 0.693147 * 0.15**0.5, rel=1e-5)
    with pytest.raises(UserError, match="variance_focus"):
        MetricLoss(variance_focus=1.5)
