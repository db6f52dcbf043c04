"""The streets must be hard enough to mean something: KITTI's own mean depth map has AbsRel 0.41."""

import numpy as np
import pytest

from depthrepro.core.protocol import Protocol
from depthrepro.data.readers.kitti_raw import build
from depthrepro.evaluation.baselines import mean_depth_map
from depthrepro.evaluation.scoring import score


@pytest.mark.slow
def test_the_mean_depth_map_knows_little_about_a_street(tmp_path):
    world = {"train_pairs": 32, "val_pairs": 1, "test_pairs": 24, "width": 155, "height": 47}
    splits, protocol = build(None, synthetic=world, cache_dir=str(tmp_path)), Protocol()
    mean_map = mean_depth_map(splits.train, protocol)
    errors = []
    for index, record in enumerate(splits.test.records):
        depth_gt = splits.test.depth_gt(index, protocol.ground_truth)
        errors += [row["abs_rel"] for row in score(mean_map.prediction(record.id), record, depth_gt, protocol)]
    assert len(errors) == 24
    assert 0.30 <= np.mean(errors) <= 0.60
