"""Short ways to ask a store, and to wait for what other processes do."""

import time

from depthrepro.tracking import MetricsLog

# What the store's own libraries do when it is used in this process.
STORE_WARNINGS = ("ignore:The ``noload`` loader strategy", "ignore:unclosed database:ResourceWarning")

# A run's config.yaml, cut short, and its summary.json.
CONFIG = {
    "name": "garg_augmentation/flip",
    "scale": "demo",
    "seed": 2,
    "root": "/somewhere",
    "logger": {"kind": "mlflow"},
    "input_size": [96, 320],
    "augment": {
        "_target_": "depthrepro.data.items.augment.StereoAugment",
        "color": None,
        "flip": True,
        "scale": [1.0, 1.6],
    },
    "data": {
        "_target_": "depthrepro.data.readers.kitti_raw.build",
        "root": "/data",
        "sides": "l",
        "synthetic": {"width": 620},
    },
    "eval": {
        "split": "test",
        "ground_truth": "raw_cam_z",
        "crop": "garg",
        "min_depth_m": 1.0,
        "cap_m": 50.0,
        "alignment": "none",
        "resize": "bilinear",
    },
    "optimizer": {"_target_": "torch.optim.Adam", "_partial_": True, "lr": 0.001},
    "loss": {
        "_target_": "depthrepro.losses.stereo.StereoLoss",
        "photometric": {"_target_": "depthrepro.losses.photometric.PhotometricLoss", "ssim_weight": 0.0},
        "smoothness": {"_target_": "hydra.utils.get_method", "path": "depthrepro.losses.smoothness.l2_smoothness"},
    },
    "trainer": {
        "epochs": 24,
        "device": "auto",
        "stages": {
            "L8": {"levels": ["L8"], "share": 1.0, "lr_factor": 1.0},
            "L9": {"levels": ["L8", "L9"], "share": 2.0, "lr_factor": 0.1},
            "L10": {"levels": ["L10"], "share": 0.0, "lr_factor": 1.0},
        },
    },
}
SUMMARY = {
    "experiment": "garg_augmentation/flip",
    "seed": 2,
    "scale": "demo",
    "overrides": ["+experiment/garg_augmentation=flip", "data.synthetic={width: 310, seed: 0}"],
    "data": {"name": "streets (synthetic)", "synthetic": True},
    "protocol": CONFIG["eval"],
    "images": 60,
    "metrics": {"L9": {"abs_rel": 0.25, "rmse": 5.0, "delta1": 0.6}, "L12": {"abs_rel": 0.3}},
}


def only_run(client, experiment="garg2016"):
    """The one run of the experiment."""
    runs = client.search_runs([client.get_experiment_by_name(experiment).experiment_id])
    assert len(runs) == 1, [run.info for run in runs]
    return runs[0]


def points(client, run_id, name):
    """[(step, value), ...] of a metric, in the order of steps."""
    return sorted((m.step, m.value) for m in client.get_metric_history(run_id, name))


def write_rows(run_dir, steps, scale=1.0):
    """Rows of train/loss = scale * step."""
    with MetricsLog(run_dir / "metrics.jsonl") as log:
        for step in steps:
            log.append(step, 0, {"train/loss": scale * step})


def wait_until(condition, what, seconds=60):
    """Poll until `condition()` is true."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited {seconds} s in vain until {what}"
        time.sleep(0.05)
