"""The crops on the sizes for which others published them."""

import numpy as np
import pytest

from depthrepro.core.protocol import Crop, Protocol
from depthrepro.evaluation.crops import crop_bounds
from depthrepro.evaluation.scoring import evaluated_mask


@pytest.mark.parametrize(
    ("crop", "size", "bounds"),
    [
        (Crop.garg, (375, 1242), (153, 371, 44, 1197)),
        (Crop.eigen, (375, 1242), (124, 342, 44, 1197)),
        (Crop.none, (375, 1242), (0, 375, 0, 1242)),
        (Crop.nyu, (480, 640), (45, 471, 41, 601)),
        (Crop.nyu, (240, 320), (22, 235, 20, 300)),
        # The authors' mask_eigen.png: ones on rows 151..366 and columns 44..1179, both ends included.
        (Crop.garg_exact, (370, 1224), (151, 367, 44, 1180)),
        # Monodepth's and its heirs' (0.40810811 * 370, ...).astype(int): row 366 is lost, column 43 comes in.
        (Crop.garg, (370, 1224), (151, 366, 43, 1180)),
        (Crop.garg, (370, 1226), (151, 366, 44, 1181)),
        (Crop.eigen_exact, (370, 1224), (123, 338, 44, 1180)),
        (Crop.eigen, (370, 1224), (122, 337, 43, 1180)),
        # ZoeDepth's eval_mask[45:471, 41:601], whatever the size.
        (Crop.nyu_pixels, (480, 640), (45, 471, 41, 601)),
        (Crop.nyu_pixels, (768, 1024), (45, 471, 41, 601)),
        (Crop.nyu_pixels, (427, 561), (45, 427, 41, 561)),
    ],
)
def test_bounds_on_published_sizes(crop, size, bounds):
    assert crop_bounds(crop, *size) == bounds


@pytest.mark.parametrize(
    ("common", "exact", "rows"), [(Crop.garg, Crop.garg_exact, 370), (Crop.eigen, Crop.eigen_exact, 185)]
)
def test_the_common_rule_is_the_exact_one_wherever_no_bound_is_whole(common, exact, rows):
    sizes = [(side, 1242) for side in range(20, 1500)] + [(375, side) for side in range(40, 2500)]
    other = [size for size in sizes if crop_bounds(common, *size) != crop_bounds(exact, *size)]
    assert other == [size for size in sizes if size[0] % rows == 0 or size[1] % 306 == 0]


def test_mask_is_true_exactly_inside_the_bounds():
    mask = evaluated_mask(np.full((375, 1242), 5.0), Protocol(crop=Crop.garg))
    rows, columns = np.nonzero(mask)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (153, 370, 44, 1196)
    assert mask.dtype == bool and mask.sum() == (371 - 153) * (1197 - 44)


def test_a_crop_of_next_to_nothing_is_refused():
    with pytest.raises(ValueError, match="crop eigen leaves nothing of a 1 × 1 image"):
        crop_bounds(Crop.eigen, 1, 1)
