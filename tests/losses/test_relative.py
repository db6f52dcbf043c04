"""Depth Anything's losses together: which terms there are, on which images, with which weights."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from depthrepro.core.errors import UserError
from depthrepro.losses.affine_invariant import affine_invariant_loss, cutmix_loss, gradient_matching_loss
from depthrepro.losses.feature_alignment import feature_alignment_loss
from depthrepro.losses.relative import RelativeLoss
from depthrepro.models.encoders import normalise


class Frozen(nn.Module):
    """Two maps at half the size; keeps what it was shown."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.layer = nn.Conv2d(3, 4, 2, stride=2)
        self.mean, self.std, self.seen = (0.5,) * 3, (0.25,) * 3, []

    def forward(self, image):
        self.seen.append(image)
        return [image, self.layer(image)]


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.depth, self.last = nn.Conv2d(3, 1, 3, padding=1), nn.Conv2d(3, 4, 2, stride=2)
        self.asked = []

    def forward(self, image, levels):
        self.asked.append((len(image), tuple(levels)))
        outputs = {"affine_inv_depth": self.depth(image)}
        return outputs | ({"features": self.last(image)} if "features" in levels else {})


def batch(student: bool = True) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    rand = lambda *shape: torch.rand(*shape, generator=generator)  # noqa: E731
    items = {"image": rand(2, 3, 8, 8), "target": rand(2, 1, 8, 8), "mask": rand(2, 1, 8, 8) > 0.3}
    if student:
        items |= {"unlabelled_image": rand(2, 2, 3, 8, 8), "unlabelled_target": rand(2, 2, 1, 8, 8)}
        items |= {"partner_target": rand(2, 2, 1, 8, 8), "inside": rand(2, 2, 1, 8, 8) > 0.5}
    return items


def test_a_teacher_has_one_term():
    net, items = Net(), batch(student=False)
    terms = RelativeLoss("unlabelled", frozen=Frozen())(net, items)
    assert list(terms) == ["labelled"]
    expected = affine_invariant_loss(net.depth(items["image"]), items["target"], mask=items["mask"])
    assert torch.allclose(terms["labelled"], expected)


@pytest.mark.parametrize(("features", "chosen"), [("unlabelled", slice(2, 6)), ("labelled", slice(0, 2))])
def test_a_student_has_the_mean_of_three(features, chosen):
    net, frozen, items = Net(), Frozen(), batch()
    loss = RelativeLoss(features, tolerance=0.9, frozen=frozen)
    terms = loss(net, items)
    images = torch.cat([items["image"], items["unlabelled_image"].flatten(0, 1)])
    assert net.asked == [(6, ("affine_inv_depth", "features"))], "one pass for all images"
    assert torch.equal(frozen.seen[0], normalise(images[chosen], (0.5,) * 3, (0.25,) * 3))
    own, partner, inside = (items[k].flatten(0, 1) for k in ("unlabelled_target", "partner_target", "inside"))
    wanted = {
        "labelled": affine_invariant_loss(net.depth(images[:2]), items["target"], mask=items["mask"]),
        "unlabelled": cutmix_loss(net.depth(images[2:]), own, partner, inside),
        "features": feature_alignment_loss(
            net.last(images[chosen]), frozen.layer(normalise(images[chosen], (0.5,) * 3, (0.25,) * 3)), tolerance=0.9
        ),
    }
    for name, value in wanted.items():
        assert torch.allclose(terms[name], value / 3), name


def test_without_features_two_terms_and_no_frozen_encoder():
    net, loss = Net(), RelativeLoss("none", frozen=Frozen())
    terms = loss(net, batch())
    assert list(terms) == ["labelled", "unlabelled"] and loss.frozen is None
    assert net.asked == [(6, ("affine_inv_depth",))]


def test_the_frozen_encoder_stays_as_it_is():
    frozen = Frozen()
    loss = RelativeLoss("unlabelled", frozen=frozen).train()
    net = Net()
    sum(loss(net, batch()).values()).backward()
    assert not frozen.training and all(p.grad is None and not p.requires_grad for p in frozen.parameters())
    assert all(p.grad is not None for p in net.parameters())


def test_gradient_matching_joins_the_labelled_term():
    net, items = Net(), batch(student=False)
    plain, weighted = (RelativeLoss(gradient_weight=w)(net, items)["labelled"] for w in (0.0, 2.0))
    extra = gradient_matching_loss(net.depth(items["image"]), items["target"], mask=items["mask"])
    assert torch.allclose(weighted, plain + 2 * extra)


def test_impossible_choices_are_told():
    with pytest.raises(UserError, match="choose from none"):
        RelativeLoss("some")
    with pytest.raises(UserError, match="Linear has no `encoder`: choose loss=relative"):
        RelativeLoss("unlabelled").begin(torch.nn.Linear(1, 1))


def test_the_frozen_encoder_is_a_copy_of_the_network_s_as_it_was():
    model = torch.nn.Module()
    model.encoder = torch.nn.Conv2d(3, 2, 1)
    loss = RelativeLoss("unlabelled")
    loss.begin(model)
    before = model.encoder.weight.detach().clone()
    torch.nn.init.zeros_(model.encoder.weight)
    assert torch.equal(loss.frozen.weight, before) and not loss.frozen.weight.requires_grad
    untouched = RelativeLoss("none")
    untouched.begin(model)
    assert untouched.frozen is None
