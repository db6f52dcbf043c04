"""The crops on the sizes for which others published them."""

import numpy as np
import pytest

from depthrepro.core.protocol import Crop
from depthrepro.evaluation.crops import crop_bounds, crop_mask


@pytest.mark.parametrize(
    ("crop", "size", "bounds"),
    [
        (Crop.garg, (375, 1242), (153, 371, 44, 1197)),
        (Crop.eigen, (375, 1242), (124, 342, 44, 1197)),
        (Crop.none, (375, 1242), (0, 375, 0, 1242)),
        (Crop.nyu, (480, 640), (45, 471, 41, 601)),
        (Crop.nyu, (240, 320), (22, 235, 20, 300)),
        # The authors' mask_eigen.png: ones on rows 151..366 and columns 44..1179, both ends included.
        (Crop.garg, (370, 1224), (151, 367, 44, 1180)),
        # The other sizes of KITTI raw, where the decimals .40810811 ... and int() agree with exact ratios.
        (Crop.garg, (374, 1238), (152, 370, 44, 1193)),
        (Crop.garg, (376, 1241), (153, 372, 44, 1196)),
    ],
)
def test_bounds_on_published_sizes(crop, size, bounds):
    assert crop_bounds(crop, *size) == bounds


def test_mask_is_true_exactly_inside_the_bounds():
    mask = crop_mask(Crop.garg, 375, 1242)
    rows, columns = np.nonzero(mask)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (153, 370, 44, 1196)
    assert mask.dtype == bool and mask.sum() == (371 - 153) * (1197 - 44)


def test_a_crop_of_next_to_nothing_is_refused():
    with pytest.raises(ValueError, match="crop eigen leaves nothing of a 1 × 1 image"):
        crop_mask(Crop.eigen, 1, 1)
