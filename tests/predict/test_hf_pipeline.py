"""The drop-in for Hugging Face's depth pipeline."""

import numpy as np
import pytest
import torch
from PIL import Image

from depthrepro.core.errors import UserError
from depthrepro.predict import load, pipeline
from tests.predict.helpers import garg_checkpoint, photograph


def test_the_answer_has_the_pipelines_form(relative):
    image = Image.fromarray(photograph(50, 80))
    answer = pipeline("depth-estimation", model=relative, device=-1)(image)
    assert set(answer) == {"predicted_depth", "depth"}
    values = answer["predicted_depth"]
    assert isinstance(values, torch.Tensor) and values.shape == (50, 80) and values.dtype == torch.float32
    np.testing.assert_array_equal(values.numpy(), load(relative, "cpu")(image).values)
    depth = answer["depth"]
    assert isinstance(depth, Image.Image) and depth.mode == "L" and depth.size == (80, 50)
    expected = (values - values.min()) / (values.max() - values.min()) * 255
    np.testing.assert_array_equal(np.asarray(depth), expected.numpy().astype(np.uint8))


def test_a_list_gives_a_list(garg, tmp_path):
    Image.fromarray(photograph(50, 80)).save(tmp_path / "a.png")
    pipe = pipeline(task="depth-estimation", model=str(garg), device="cpu")
    answers = pipe([str(tmp_path / "a.png"), photograph(60, 40)], batch_size=2)
    assert [answer["depth"].size for answer in answers] == [(80, 50), (40, 60)]
    assert isinstance(pipe([photograph(60, 40)]), list) and isinstance(pipe(str(tmp_path / "a.png")), dict)
    assert pipe(images=photograph(60, 40))["predicted_depth"].shape == (60, 40)


def test_a_constant_map_is_black_not_a_warning(tmp_path):
    pipe = pipeline(model=garg_checkpoint(tmp_path / "c.pt", constant=0.02), device="cpu")
    assert np.asarray(pipe(photograph(50, 80))["depth"]).max() == 0


def test_mistakes_are_named(garg):
    with pytest.raises(UserError, match="'depth_estimation' is unknown: did you mean 'depth-estimation'"):
        pipeline("depth_estimation", model=garg)
    with pytest.raises(UserError, match="model=CHECKPOINT is missing"):
        pipeline("depth-estimation")
    with pytest.raises(UserError, match="needs an image"):
        pipeline(model=garg, device="cpu")()
