"""Damaged files of every kind that is read: nothing but a `UserError` comes out. `make fuzz` tries more of them."""

import pytest

from tests.campaigns.fuzz import check
from tests.campaigns.fuzz_targets import TARGETS

EXAMPLES = 12  # of each kind: half a minute in all


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_a_damaged_file_is_read_or_told_in_one_line(name, tmp_path, capfd):
    few = 2 if name == "mat" else EXAMPLES  # that takes a process each
    check(TARGETS[name], tmp_path / "set", few)
