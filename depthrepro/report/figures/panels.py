"""Pictures beside depth maps, as in the papers: a row per test image, a column per method, one colour range for all."""

from __future__ import annotations

import textwrap
from pathlib import Path

import cv2
import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from depthrepro.core.arrays import read_npz
from depthrepro.core.errors import UserError
from depthrepro.core.reading import reading
from depthrepro.report.blocks import Block
from depthrepro.report.figures import series, style

TILE_INCHES, DPI = 1.5, 240  # width of one picture, pixels per inch
ROWS_PANEL, ROWS_DPI = 3, 160  # images and resolution of a panel that compares rows
KEPT = ("image", "depth_gt", "mean_map", "sgbm")  # what is the same in every run
WIDEST, LABEL_CHARACTERS = 1.9, 16  # of a panel that compares rows: inches of a picture, length of a label's line
TITLES = {
    **{"image": "Image", "depth_gt": "Ground truth", "depth": "Prediction", "affine_inv_depth": "Prediction"},
    **{"mean_map": "Mean depth map", "sgbm": "SGBM (stereo)", "ground_plane": "Ground plane"},
}
NICE_METRES = (1, 2, 3, 5, 10, 20, 30, 50, 80, 100, 200)
NO_DEPTH = "#e6e6e6"
GAP, COLUMN_TITLE, BAR = 0.04, 0.25, 0.6  # inches: between tiles, column titles, colour bar


def draw_panel(panel_dir: Path, caption: str, *, rows: int = 6) -> Figure:
    """Images, ground truth, every output and the baselines of a run.

    Colour is depth in metres on one logarithmic scale per figure, near = bright; grey = no depth known. Sparse ground
    truth is enlarged for the eye: near points win over far ones.

    Args:
        panel_dir: Folder of `*.npz`, one per test image, drawn in name order: `image` (H, W, 3) uint8, `depth_gt`
            (H, W) float32 in metres with 0 = none, one (H, W) float32 depth in metres per output ("L9"... or "depth"),
            and optionally the baselines of `style.BASELINES`.
        caption: Data set and scale, for the title.
        rows: At most so many images.

    Raises:
        UserError: If there is no picture, or one is damaged or lacks a map that the others have.
    """
    files = sorted(Path(panel_dir).glob("*.npz"))[:rows]
    if not files:
        raise UserError(f"{panel_dir}: holds no *.npz pictures; train or evaluate the run again to write them")
    items = [_load(path) for path in files]
    return _draw(items, _columns(items, files), caption, "", DPI, down=False)


def draw_rows_panel(block: Block, folders: dict[str, Path]) -> Figure | None:
    """The rows of a table side by side on a few test images, each row from its own run of the lowest seed.

    None unless every row's run has kept pictures in its directory, one of `folders`.
    """
    lines = series.our_lines(block)
    panels = [folders[line.runs[0]] / "panel" for line in lines if line.runs[0] in folders]
    names = [{path.name for path in panel.glob("*.npz")} for panel in panels]
    shared = sorted(set.intersection(*names))[:ROWS_PANEL] if names and len(panels) == len(lines) else []
    if not shared:
        return None
    items: list[dict[str, np.ndarray]] = []
    for name in shared:
        maps = [_load(panel / name) for panel in panels]
        rows = {ln.label: own[ln.method] for ln, own in zip(lines, maps, strict=True) if ln.method in own}
        items.append({key: maps[0][key] for key in KEPT if key in maps[0]} | rows)
    columns = ["image", "depth_gt", *(line.label for line in lines)]
    if any(key not in item for item in items for key in columns):
        return None
    columns += [key for key in KEPT[2:] if all(key in item for item in items)]
    seeds = " or ".join(str(seed) for seed in sorted({line.seeds[0] for line in lines}))
    note = f"{series.synthetic_note(block)}{block.checkpoint.capitalize()} checkpoint, seed {seeds}. "
    return _draw(items, columns, f"Predictions of each row: {block.title}", note, ROWS_DPI, down=True)


def _draw(
    items: list[dict[str, np.ndarray]], names: list[str], title: str, note: str, dpi: int, *, down: bool
) -> Figure:
    """Tiles of every image and map: images down and maps across, or, with `down`, the other way round."""
    labels = [TITLES.get(name, name) for name in names]
    if down:
        labels = [textwrap.fill(label, LABEL_CHARACTERS) for label in labels]
    longest = max(len(part) for label in labels for part in label.split("\n"))
    left = 0.1 + (0.1 + 0.078 * longest if down else 0.0)
    across, rows = (len(items), len(names)) if down else (len(names), len(items))
    tile = min(WIDEST, (style.WIDTH - 0.1 - left - BAR) / across - GAP) if down else TILE_INCHES
    tile_height = tile * items[0]["image"].shape[0] / items[0]["image"].shape[1]
    width = left + across * (tile + GAP) + BAR + 0.1
    note += "Depth in metres, near = bright, one colour range; grey: no depth known."
    body = (0.06 if down else COLUMN_TITLE) + rows * (tile_height + GAP) + 0.08
    norm = LogNorm(*_depth_range(items, names))
    with style.titled(body, title, note, width, dpi) as (fig, head):
        tiles = fig.subplots(rows, across, squeeze=False)
        top = head + (0.06 if down else COLUMN_TITLE)
        gaps = {"wspace": GAP / tile, "hspace": GAP / tile_height}
        style.margins(fig, left=left, right=GAP + BAR + 0.1, top=top, bottom=GAP + 0.08, **gaps)
        for item, column in zip(items, tiles.T if down else tiles, strict=True):
            for name, axes in zip(names, column, strict=True):
                _draw_tile(axes, name, item[name], norm, round(tile * dpi))
        for label, axes in zip(labels, tiles[:, 0] if down else tiles[0], strict=True):
            if down:
                axes.text(-0.04, 0.5, label, transform=axes.transAxes, ha="right", va="center", fontsize=9.5)
            else:
                axes.set_title(label, fontsize=10, pad=4)
        _colour_bar(fig, norm, tiles)
    return fig


def _load(path: Path) -> dict[str, np.ndarray]:
    with reading(path, fix="evaluate the run again to write it"):
        item = read_npz(path)
    for name, dimensions in (("image", 3), ("depth_gt", 2)):
        if name not in item or item[name].ndim != dimensions:
            raise UserError(f"{path}: has no {name} with {dimensions} dimensions; evaluate the run again to write it")
    return item


def _columns(items: list[dict[str, np.ndarray]], files: list[Path]) -> list[str]:
    """Image, ground truth, outputs from coarse to fine, baselines; every picture must have what any has."""
    names = set().union(*items)
    baselines = [name for name in style.BASELINES if name in names]
    outputs = sorted(names - {"image", "depth_gt", *baselines}, key=lambda name: (len(name), name))  # L9 before L10
    columns = ["image", "depth_gt", *outputs, *baselines]
    for item, path in zip(items, files, strict=True):
        for name in columns:
            if name not in item:
                raise UserError(f"{path}: has no {name}, other pictures do; evaluate the run again to write them alike")
    return columns


def _depth_range(items: list[dict[str, np.ndarray]], columns: list[str]) -> tuple[float, float]:
    """Near and far end of the colours: the ground truth's 1st and 99th percentile, moved out to round metres."""
    for names in (["depth_gt"], columns[2:]):
        known = [item[name][np.isfinite(item[name]) & (item[name] > 0)] for item in items for name in names]
        depth = np.concatenate([values.ravel() for values in known]) if known else np.empty(0)
        if depth.size:
            low, high = np.percentile(depth, (1, 99))
            near = max((m for m in NICE_METRES if m <= low), default=float(low))
            far = min((m for m in NICE_METRES if m >= high), default=float(high))
            return (near, far) if near < far else (near / 1.5, near * 1.5)
    return 1.0, 100.0


def _draw_tile(axes: Axes, name: str, values: np.ndarray, norm: LogNorm, pixels: int) -> None:
    """One picture, brought to the width in pixels that it is printed with, so that sparse points keep their size."""
    axes.set_axis_off()
    height, width = values.shape[:2]
    size = (pixels, max(1, round(pixels * height / width)))
    shrink = cv2.INTER_AREA if width > pixels else cv2.INTER_LINEAR
    if name == "image":
        axes.imshow(cv2.resize(values, size, interpolation=shrink), aspect="auto", interpolation="nearest")
        return
    depth = np.where(np.isfinite(values) & (values > 0), values, 0).astype(np.float32)
    shown = cv2.resize(depth, size, interpolation=shrink) if (depth > 0).all() else _enlarged(depth, size)
    colours = mpl.colormaps["magma_r"].with_extremes(bad=NO_DEPTH)
    axes.imshow(np.ma.masked_equal(shown, 0), cmap=colours, norm=norm, aspect="auto", interpolation="nearest")


def _enlarged(depth: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Bring a map with holes to `size` = (width, height), 0 = none, without losing points.

    Every target pixel shows the nearest of the depths that fall on it; a map with few points also gets them one pixel
    wider on each side.
    """
    rows, columns = np.nonzero(depth)
    found = np.full((size[1], size[0]), np.inf, dtype=np.float32)
    target = (rows * size[1] // depth.shape[0], columns * size[0] // depth.shape[1])
    np.minimum.at(found, target, depth[rows, columns])
    if rows.size < 0.5 * depth.size:
        found = cv2.erode(found, np.ones((3, 3), np.uint8), borderType=cv2.BORDER_REPLICATE)  # erode = least of 3×3
    elif depth.shape[1] < size[0]:  # a dense map with holes, made larger: repeat pixels instead of scattering them
        found = cv2.resize(np.where(depth > 0, depth, np.inf), size, interpolation=cv2.INTER_NEAREST)
    return np.where(np.isfinite(found), found, 0)


def _colour_bar(fig: Figure, norm: LogNorm, tiles: np.ndarray) -> None:
    """The metres of the colours, right of the tiles and as high as all of them."""
    low, high = float(norm.vmin or 1), float(norm.vmax or 100)
    ticks = [metres for metres in NICE_METRES if low <= metres <= high] or [round(low), round(high)]
    width, above, below = fig.get_size_inches()[0], tiles[0, 0].get_position(), tiles[-1, 0].get_position()
    place = fig.add_axes((1 - (BAR + 0.02) / width, below.y0, 0.11 / width, above.y1 - below.y0))
    bar = fig.colorbar(ScalarMappable(norm, "magma_r"), cax=place, ticks=ticks, format="{x:g} m")
    bar.minorticks_off()
    bar.ax.invert_yaxis()  # near on top, as bright as it is
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=2, pad=2)
