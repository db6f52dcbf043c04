import pytest

from depthrepro.core.errors import UserError
from depthrepro.data.io import splits
from depthrepro.data.io.splits import SPLIT_COUNTS, FrameRef, load_split, parse_frames

PUBLISHED = {  # images, drives
    "eigen_test": (697, 28),
    "eigen_improved_test": (652, 28),
    "eigen_full_train": (45200, 33),
    "eigen_full_val": (1776, 33),
    "eigen_zhou_train": (39810, 32),
    "eigen_zhou_val": (4424, 31),
}


@pytest.mark.parametrize("name", SPLIT_COUNTS)
def test_counts_are_the_published_ones(name):
    refs = load_split(name)
    assert (len(set(refs)), len({ref.drive for ref in refs})) == PUBLISHED[name]


@pytest.mark.parametrize(("name", "pairs"), [("eigen_full_train", 22600), ("eigen_full_val", 888)])
def test_pairs_listed_from_both_sides_can_come_once(name, pairs):
    left, right = load_split(name, sides="l"), load_split(name, sides="r")
    assert len(left) == pairs
    assert {(r.drive, r.frame) for r in left} == {(r.drive, r.frame) for r in right}


def test_train_val_and_test_share_no_frame_and_test_shares_no_drive():
    test = load_split("eigen_test")
    assert set(load_split("eigen_improved_test")) < set(test)
    for stem in ("eigen_full", "eigen_zhou"):
        train, val = load_split(f"{stem}_train"), load_split(f"{stem}_val")
        assert not set(train) & set(val)
        assert not {r.drive for r in [*train, *val]} & {r.drive for r in test}


def test_frames_and_ranges():
    assert parse_frames("0-2 7 9-10") == [0, 1, 2, 7, 9, 10]


@pytest.mark.parametrize("cell", ["3-1", "a", "1-2-3", "-4", "1,2"])
def test_malformed_frames_are_named(cell):
    with pytest.raises(ValueError, match=cell):
        parse_frames(cell)


def test_own_csv_has_no_fixed_count(tmp_path):
    path = tmp_path / "train.csv"
    path.write_text("drive,side,frames\n2031_05_04_drive_0001_sync,l,4-5\n2031_05_04_drive_0001_sync,r,5\n")
    drive = "2031_05_04_drive_0001_sync"
    assert load_split(path) == [FrameRef(drive, "l", 4), FrameRef(drive, "l", 5), FrameRef(drive, "r", 5)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b,c\n", "line 1 must read drive,side,frames"),
        ("drive,side,frames\n", "lists no frame"),
        ("drive,side,frames\n2011_09_26_drive_0001_sync,l,1 9-7\n", "line 2: '9-7'"),
        ("drive,side,frames\n2011_09_26_drive_0001_sync,x,1\n", "line 2: side must be l or r"),
        ("drive,side,frames\n../../etc,l,1\n", "line 2: '../../etc' is no drive"),
        ("drive,side,frames\n2011_09_26_drive_0001_sync,l\n", "lists no frame"),
        ("drive,side,frames\n2011_09_26_drive_0001_sync,l,1-3 2\n", "0001_sync l 2 twice"),
        ("drive,side,frames\n2011_09_26_drive_0001_sync,l,0-99999999999\n", "line 2: '0-99999999999'"),
        ("drive,side,frames\n\udcff\n", "the split cannot be read"),
    ],
)
def test_malformed_files_say_where(tmp_path, text, said):
    path = tmp_path / "mine.csv"
    path.write_text(text, errors="surrogateescape")
    with pytest.raises(UserError) as error:
        load_split(path)
    assert said in str(error.value) and str(path) in str(error.value)


def test_damaged_list_is_noticed(tmp_path, monkeypatch):
    text = (splits.SPLITS_DIR / "eigen_test.csv").read_text()
    (tmp_path / "eigen_test.csv").write_text(text.rsplit("\n", 2)[0] + "\n")
    monkeypatch.setattr(splits, "SPLITS_DIR", tmp_path)
    with pytest.raises(UserError, match="the split has 697"):
        load_split("eigen_test")


def test_misspelt_names_get_a_suggestion(tmp_path):
    with pytest.raises(UserError, match="did you mean eigen_test"):
        load_split("eigen_tset")
    with pytest.raises(UserError, match="no such file"):
        load_split(tmp_path / "none.csv")
    with pytest.raises(UserError, match="both, l or r"):
        load_split("eigen_test", sides="left")
