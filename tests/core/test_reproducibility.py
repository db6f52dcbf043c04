import random

import numpy as np
import torch

from depthrepro.core.checkpoint import load_checkpoint, save_checkpoint
from depthrepro.core.reproducibility import describe_environment, random_state, restore_random_state, seed_everything


def draw():
    return random.random(), float(np.random.rand()), float(torch.rand(()))


def test_random_state_survives_a_checkpoint(tmp_path):
    seed_everything(5)
    draw()
    save_checkpoint(tmp_path / "c.pt", {"model": {}, "random": random_state()})
    expected = draw()
    seed_everything(6)
    restore_random_state(load_checkpoint(tmp_path / "c.pt")["random"])
    assert draw() == expected


def test_environment_lists_versions():
    text = describe_environment()
    assert f"numpy=={np.__version__}" in text and torch.__version__ in text
