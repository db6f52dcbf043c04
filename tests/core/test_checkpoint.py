import pytest
import torch

from depthrepro.core.checkpoint import RESUMES, load_checkpoint, save_checkpoint
from depthrepro.core.errors import UserError


def test_round_trip(tmp_path):
    save_checkpoint(tmp_path / "c" / "last.pt", {"model": {"w": torch.arange(3.0)}, "step": 7})
    state = load_checkpoint(tmp_path / "c" / "last.pt")
    assert torch.equal(state["model"]["w"], torch.arange(3.0)) and state["step"] == 7


def test_left_overs_of_a_killed_writer_are_removed(tmp_path):
    (tmp_path / ".last.pt.123.tmp").write_bytes(b"half")
    save_checkpoint(tmp_path / "last.pt", {"model": {}})
    assert [p.name for p in tmp_path.iterdir()] == ["last.pt"]


def test_a_truncated_file_is_named(tmp_path):
    path = tmp_path / "last.pt"
    save_checkpoint(path, {"model": {"w": torch.zeros(1000)}})
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(UserError, match=r"last\.pt: the checkpoint cannot be read .*; delete it to start"):
        load_checkpoint(path)


def test_code_in_a_checkpoint_is_not_run(tmp_path):
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "written"), "w"))

    torch.save({"model": Evil()}, tmp_path / "evil.pt")
    with pytest.raises(UserError, match=r"evil\.pt"):
        load_checkpoint(tmp_path / "evil.pt")
    assert not (tmp_path / "written").exists()


def test_missing_and_foreign_files(tmp_path):
    with pytest.raises(UserError, match="no such checkpoint"):
        load_checkpoint(tmp_path / "none.pt")
    torch.save([1, 2], tmp_path / "list.pt")
    with pytest.raises(UserError, match="no model"):
        load_checkpoint(tmp_path / "list.pt")


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 100, b"PK\x05\x06" + bytes(18), b"version https://git-lfs.github.com/spec/v1"]
)
def test_an_empty_or_foreign_file_is_one_line(tmp_path, content):
    (tmp_path / "last.pt").write_bytes(content)
    with pytest.raises(UserError, match=r"last\.pt: the checkpoint cannot be read \(.+\); delete it") as error:
        load_checkpoint(tmp_path / "last.pt")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("state", [{"model": 3}, {"model": {"w": 3}}, {"model": [torch.zeros(1)]}, {"step": 1}, [1]])
def test_a_file_without_weights_is_told(tmp_path, state):
    torch.save(state, tmp_path / "last.pt")
    with pytest.raises(UserError, match="holds no model of this project"):
        load_checkpoint(tmp_path / "last.pt")
    assert load_checkpoint(tmp_path / "last.pt", foreign=True) == {}


def test_the_best_weights_are_no_state_to_go_on_from(tmp_path):
    save_checkpoint(tmp_path / "last.pt", {"model": {}, "step": 4})
    with pytest.raises(UserError, match=r"last\.pt: a checkpoint without optimizer, from which no training can go on"):
        load_checkpoint(tmp_path / "last.pt", needs=RESUMES)
