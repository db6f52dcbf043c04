"""Everything that reads a file: how a small valid one is made, and who reads it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import h5py
import numpy as np
import torch
from safetensors.torch import save_file
from scipy.io import savemat

from depthrepro.config.schema import load_config
from depthrepro.core.checkpoint import RESUMES, load_checkpoint, save_checkpoint
from depthrepro.core.errors import UserError
from depthrepro.core.metrics_log import MetricsLog
from depthrepro.core.protocol import GroundTruth, Protocol
from depthrepro.core.run_dir import RunDir
from depthrepro.data.io.calibration import CalibrationFile, read_benchmark_calib
from depthrepro.data.io.codecs import Codec, read_map, read_mat
from depthrepro.data.io.images import probe_image, read_rgb
from depthrepro.data.io.lidar import read_scan
from depthrepro.data.io.photo_probe import probe_photo
from depthrepro.data.io.photos import read_photo
from depthrepro.data.io.splits import load_split
from depthrepro.data.readers import ddad, nyu, places, pseudo_labels, stereo_folder
from depthrepro.data.readers.depth_folder import read_depth_manifest
from depthrepro.data.readers.image_folder import read_listing
from depthrepro.data.readers.image_index import ROW as INDEX_ROW
from depthrepro.data.readers.image_index import Part, read_part, write_part
from depthrepro.data.readers.lmdb_images import lmdb_folders
from depthrepro.data.readers.metric_sets import _hypersim_rows
from depthrepro.data.readers.tar_shards import tar_shards
from depthrepro.data.readers.zero_shot_sets import read_bare
from depthrepro.inference.predictions import Kind, Prediction, load_prediction, save_prediction
from depthrepro.models.published import describe
from depthrepro.models.weights import read_weights
from depthrepro.predict.loading import load_network
from depthrepro.report.committed import FILES, from_committed
from depthrepro.report.figures.confusion import read_confusion
from depthrepro.report.figures.training import draw_training_curves
from depthrepro.report.paper import load_paper
from depthrepro.report.rows import summary_rows
from depthrepro.report.sources import _curves, _images
from tests.data.helpers import CAM_TO_CAM, write_folder
from tests.data.image_files import encoded, noisy, put, tar
from tests.predict.helpers import depth_anything_checkpoint, garg_checkpoint

EXPERIMENT = Path(__file__).resolve().parents[2] / "experiments" / "da_in_domain_nyu"
MAP = np.linspace(0.5, 9, 20 * 24, dtype=np.float32).reshape(20, 24)


class Target(NamedTuple):
    """One kind of file.

    Attributes:
        make: Writes a valid one below a folder; returns its path.
        read: Reads it, given the same path; it may return or raise a `UserError`.
    """

    make: Callable[[Path], Path]
    read: Callable[[Path], Any]


def _written(name: str, write: Callable[[Path], Any]) -> Callable[[Path], Path]:
    def make(root: Path) -> Path:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        write(root / name)
        return root / name

    return make


def _text(name: str, text: str, read: Callable[[Path], Any]) -> Target:
    return Target(_written(name, lambda path: path.write_text(text)), read)


def _map(codec: Codec, write: Callable[[Path], Any], suffix: str) -> Target:
    return Target(_written(f"map.{suffix}", write), lambda path: read_map(path, codec, key="depth"))


def _photo(data: bytes, name: str) -> Target:
    def read(path: Path) -> None:
        found = None
        with suppress(UserError):
            found = probe_photo(path)
        size = read_photo(path).shape[:2]
        assert found is None or found[:2] == size

    return Target(_written(name, lambda path: path.write_bytes(data)), read)


def _png(values: np.ndarray) -> bytes:
    return cv2.imencode(".png", values)[1].tobytes()


def _pfm(path: Path) -> None:
    path.write_bytes(f"Pf\n{MAP.shape[1]} {MAP.shape[0]}\n-1.0\n".encode() + MAP.tobytes())


def _dpt(path: Path) -> None:
    sides = np.array(MAP.shape[::-1], "<i4").tobytes()
    path.write_bytes(np.float32(202021.25).tobytes() + sides + MAP.tobytes())


def _hdf5(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("depth", data=MAP, chunks=(8, 8), compression="gzip")


def _nyu(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["images"] = np.zeros((2, 3, 24, 20), np.uint8)
        file["depths"] = np.ones((2, 24, 20), np.float32)
    savemat(path.with_name("splits.mat"), {"testNdxs": np.array([[1], [2]]), "trainNdxs": np.array([[1]])})


def _read_nyu(root: Path) -> None:
    data = nyu.NYU(root, allow_missing=True)
    data.read_image(1)
    data.depth_gt(1, GroundTruth.dense)


def _ddad(name: str) -> Callable[[Path], Path]:
    def make(root: Path) -> Path:
        pose = {"rotation": {"qw": 1, "qx": 0, "qy": 0, "qz": 0}, "translation": {"x": 0, "y": 0, "z": 0}}
        image = {"filename": "rgb/15.png", "pose": pose}
        cloud = {"filename": "15.npz", "pose": pose}
        scene = {
            "data": [
                {"key": "a", "id": {"name": "CAMERA_01"}, "datum": {"image": image}},
                {"key": "b", "id": {"name": "LIDAR"}, "datum": {"point_cloud": cloud}},
            ],
            "samples": [{"datum_keys": ["a", "b"], "calibration_key": "k"}],
        }
        camera = {"names": ["CAMERA_01"], "intrinsics": [{"fx": 9.0, "fy": 9.0, "cx": 12.0, "cy": 10.0}]}
        put(root / "s" / "rgb" / "15.png", _png(np.zeros((20, 24, 3), np.uint8)))
        np.savez(root / "s" / "15.npz", data=np.random.default_rng(0).normal(5, 1, (50, 4)).astype(np.float32))
        put(root / "s" / "scene_1.json", json.dumps(scene).encode())
        put(root / "s" / "calibration" / "k.json", json.dumps(camera).encode())
        put(root / "ddad.json", json.dumps({"scene_splits": {"1": {"filenames": ["s/scene_1.json"]}}}).encode())
        return root / name

    return make


def _read_ddad(path: Path) -> None:
    ddad._intrinsics.cache_clear()
    root = next(folder for folder in path.parents if (folder / "ddad.json").is_file())
    ddad.build(str(root), allow_missing=True).depth_gt(0, GroundTruth.dense)


def _lmdb(root: Path) -> Path:
    import lmdb

    (root / "a_lmdb").mkdir(parents=True)
    with lmdb.open(str(root / "a_lmdb"), map_size=1 << 20) as environment, environment.begin(write=True) as writer:
        for index in range(30):
            writer.put(f"key{index}".encode(), encoded(index, kind="PNG") if index else noisy("PNG", (40, 50)))
    return root / "a_lmdb" / "data.mdb"


def _packed(build: Callable[..., Any], up: int) -> Callable[[Path], None]:
    def read(path: Path) -> None:
        root = path.parents[up - 1]
        data = build(str(root), allow_damaged=True, cache_dir=str(root / "cache"))
        data.read_image(len(data) - 1)

    return read


def _labels(root: Path) -> Path:
    pseudo_labels.write_label(root / "label.png", MAP)
    return root / "label.png"


def _committed(name: str) -> Target:
    def make(root: Path) -> Path:
        for file in ("paper.yaml", *FILES.values()):
            content, packed = (EXPERIMENT / file).read_bytes(), file.endswith("gz")
            lines = (gzip.decompress(content) if packed else content).splitlines(keepends=True)
            content = b"".join(lines if file == "paper.yaml" else lines[:6])
            (root / file).write_bytes(gzip.compress(content, mtime=0) if packed else content)
        return root / name

    return Target(make, lambda path: from_committed(path.parent, load_paper(path.parent / "paper.yaml")))


def _summary() -> str:
    from tests.report.conftest import summary

    return json.dumps({**summary(), "protocol": Protocol().as_dict()}, indent=1)


def _state(path: Path) -> None:
    state: dict[str, Any] = {key: kind() for key, kind in RESUMES.items()}
    save_checkpoint(path, {"model": {"w": torch.arange(40.0)}, **state})


PHOTOS = ("PNG", "GIF", "WEBP", "BMP", "TIFF")
DDAD = ("ddad.json", "s/scene_1.json", "s/15.npz", "s/calibration/k.json")
METRICS_LINE = '{"step": 1, "epoch": 0, "time": 1.5, "metrics": {"train/loss": 0.5, "val/loss": null}}\n'
PER_IMAGE = "checkpoint,method,id,n_valid,top1,top5\nlast,L9,a,10,0.1,0.5\n"
HYPERSIM = "scene_name,camera_name,frame_id,included_in_public_release,exclude_reason,split_partition_name\n"
STAGES = '{"depth_estimation_type": "metric", "max_depth": 20, "backbone_config": {"out_indices": [3, 6, 9, 12]}}'
TOKEN = {"backbone.embeddings.cls_token": torch.zeros(1, 1, 384)}
WEIGHTS = {"state_dict": {"module.a": torch.zeros(30), "b": torch.ones(2, 3)}}
PREDICTION = Prediction("a", Kind.depth, {"L": MAP})
DEEP = (MAP * 400).astype(np.uint16)

TARGETS: dict[str, Target] = {
    "png8": _map(Codec.png8, lambda path: path.write_bytes(_png((MAP * 20).astype(np.uint8))), "png"),
    "png16": _map(Codec.png16, lambda path: path.write_bytes(_png(DEEP)), "png"),
    "pfm": _map(Codec.pfm, _pfm, "pfm"),
    "npy": _map(Codec.npy, lambda path: np.save(path, MAP), "npy"),
    "hdf5": _map(Codec.hdf5, _hdf5, "h5"),
    "dpt": _map(Codec.dpt, _dpt, "dpt"),
    "mat": Target(
        _written("splits.mat", lambda path: savemat(path, {"x": np.arange(9)})), lambda p: read_mat(p, "x", missing="")
    ),
    "bare": Target(_written("a.JPG", lambda p: p.write_bytes(MAP.tobytes())), lambda p: read_bare(p, MAP.shape)),
    "scan": Target(_written("a.bin", lambda path: path.write_bytes(MAP.tobytes())), read_scan),
    "rgb png": Target(_written("a.png", lambda p: p.write_bytes(noisy("PNG", (9, 12)))), read_rgb),
    "rgb jpeg": Target(_written("a.jpg", lambda p: p.write_bytes(noisy("JPEG", (9, 12)))), read_rgb),
    "probe png": Target(_written("a.png", lambda p: p.write_bytes(encoded(kind="PNG"))), probe_image),
    "probe jpeg": Target(_written("a.jpg", lambda p: p.write_bytes(encoded())), probe_image),
    **{
        f"photo {kind}": _photo(encoded(9, (7, 9), kind), f"a.{kind}") for kind in ("PNG", "GIF", "WEBP", "BMP", "TIFF")
    },
    "photo JPEG": _photo(encoded(9, (7, 9), "JPEG", orientation=6), "a.jpg"),
    "photo deep": _photo(_png(np.stack([DEEP] * 3, axis=2)), "a.png"),
    "photo MPO": _photo(noisy("JPEG", (30, 40), quality=20), "a.jpg"),
    "camera": _text("c.txt", CAM_TO_CAM, lambda path: CalibrationFile(path).stereo("P_rect_02", "P_rect_03", (48, 96))),
    "benchmark": _text("c.txt", CAM_TO_CAM, lambda path: read_benchmark_calib(path, colour=True)),
    "stereo yaml": Target(
        lambda root: write_folder(root, ["a"]) / "calibration.yaml",
        stereo_folder.read_calibration,
    ),
    "split": _text("s.csv", "drive,side,frames\n2011_09_26_drive_0001_sync,l,0-9 12\n", load_split),
    "manifest": _text("m.csv", "image,depth,mask\na.png,a.npy,\nb.png,b.npy,m.png\n", read_depth_manifest),
    "listing": _text("l.csv", "image\na.png\nb/c.png\n", read_listing),
    "places": _text("train.txt", "a/b.jpg 0\na/c.jpg 1\n", places._lines),
    "hypersim": _text(
        "metadata_images_split_scene_v1.csv",
        HYPERSIM + "ai_1,cam_00,3,True,,test\n",
        _hypersim_rows,
    ),
    "nyu": Target(_written("nyu_depth_v2_labeled.mat", _nyu), lambda path: _read_nyu(path.parent)),
    **{
        f"ddad {name}": Target(_ddad(name), _read_ddad)
        for name in ("ddad.json", "s/scene_1.json", "s/15.npz", "s/calibration/k.json")
    },
    "tar": Target(
        lambda root: tar(root / "a.tar", {f"{'x' * 120 * i}{i}.jpg": encoded(i) for i in range(3)}),
        _packed(tar_shards, 1),
    ),
    "lmdb": Target(_lmdb, _packed(lmdb_folders, 2)),
    "pseudo-label": Target(_labels, pseudo_labels.read_label),
    "manifest of labels": _text(
        "manifest.json",
        '{"images": "a", "files": {"x.png": "0"}}',
        lambda path: pseudo_labels.read_manifest(path.parent),
    ),
    "index": Target(_written("i.npz", lambda p: write_part(p, Part(np.zeros(3, INDEX_ROW), {1: "x"}, {}))), read_part),
    "prediction": Target(
        _written("p.npz", lambda p: save_prediction(p, Prediction("a", Kind.depth, {"L": MAP}))), load_prediction
    ),
    "state": Target(_written("last.pt", _state), lambda path: load_checkpoint(path, needs=RESUMES)),
    "checkpoint": Target(_written("last.pt", garg_checkpoint), lambda path: load_network(path, "cpu")),
    "transformer": Target(_written("last.pt", depth_anything_checkpoint), lambda path: load_network(path, "cpu")),
    "pth": Target(_written("w.pth", lambda path: torch.save(WEIGHTS, path)), read_weights),
    "old pth": Target(
        _written("w.pth", lambda path: torch.save(WEIGHTS, path, _use_new_zipfile_serialization=False)), read_weights
    ),
    "safetensors": Target(_written("w.safetensors", lambda p: save_file(WEIGHTS["state_dict"], p)), read_weights),
    "published config": _text("config.json", STAGES, lambda path: describe(TOKEN, path.with_name("w.bin"), path, None)),
    "paper": _committed("paper.yaml"),
    **{f"committed {name}": _committed(file) for name, file in FILES.items()},
    "summary": _text("summary.json", _summary(), lambda path: summary_rows(path, "x")),
    "metrics": _text("metrics.jsonl", METRICS_LINE * 3, lambda path: _curves(path.parent)),
    "drawn metrics": _text("metrics.jsonl", METRICS_LINE * 3, lambda path: draw_training_curves(path, "x")),
    "resumed metrics": _text("metrics.jsonl", METRICS_LINE * 3, lambda path: MetricsLog(path).truncate_after(2)),
    "per image": _text("per_image.csv", PER_IMAGE, lambda path: _images(path.parent)),
    "confusion": _text("confusion.csv", "class,a,b\na,3,1\nb,0,4\n", read_confusion),
    "status": _text("status.json", '{"status": "done", "step": 3}', lambda path: RunDir(path.parent).status()),
    "config": _text("config.yaml", "data: {name: a}\ntrainer: {epochs: 3}\neval: {cap_m: 80.0}\n", load_config),
}
