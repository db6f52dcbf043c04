"""README's table of the papers' claims: every one, in the file's numbers."""

from pathlib import Path

from depthrepro.report.tables.front_door import BEGIN, END, claims_table, write_front_door

ROOT = Path(__file__).parents[3]
HEAD = (
    "table,claim,asked_by,data,photographs,metric,verdict,difference,low,high,relative_difference,paper_difference,"
    "paper_relative,margin,seeds,images,scenes,level,below_margin,reason,scale\n"
)
ROWS = "".join(
    f"t,{row}\n"
    for row in (
        "A beats B,paper,streets (synthetic),false,abs_rel,not measured,,,,,,,,0,0,0,,false,no finished run,",
        "A beats B,paper,KITTI,true,abs_rel,reproduced,-0.02,-0.03,-0.01,-0.081,-0.01,-0.047,0.007,6,9,9,0.03,false,,",
        "A beats B,paper,KITTI,true,delta1,undecided,0.012,-0.01,0.03,0.02,,,0.01,6,39,39,0.03,false,about 9 seeds,",
        "Is C good?,us,KITTI 2012,true,abs_rel,contradicted,0.02,0.01,0.03,0.08,,,0.007,6,39,39,0.03,false,,",
    )
)


def test_each_claim_of_a_paper_has_a_line_photographs_first(tmp_path):
    (tmp_path / "verdicts.csv").write_text(HEAD + ROWS)
    table = claims_table(tmp_path / "verdicts.csv")
    lines = [line for line in table.splitlines() if line.startswith("| [")]
    assert lines == [
        "| [A beats B](experiments/t/README.md) | KITTI | AbsRel −8.1 % [−4.7 %] **reproduced**; "
        "δ < 1.25 +0.012 **undecided** (about 9 seeds) |",
        "| [A beats B](experiments/t/README.md) | streets (synthetic) | AbsRel: not measured |",
    ]
    assert table.startswith("On photographs, 2 verdicts: 1 reproduced, 1 undecided.")
    assert "On synthetic images, 1 verdict: 1 not measured." in table


def test_the_table_stands_between_its_marks_and_nowhere_else(tmp_path):
    (tmp_path / "verdicts.csv").write_text(HEAD + ROWS)
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n\n{BEGIN}\nold\n{END}\n\nafter\n")
    for _ in range(2):
        assert write_front_door(readme, tmp_path / "verdicts.csv") == [readme]
        text = readme.read_text()
        assert text.startswith(f"before\n\n{BEGIN}\n") and text.endswith(f"{END}\n\nafter\n") and "old" not in text
    readme.write_text("no marks")
    assert write_front_door(readme, tmp_path / "verdicts.csv") == [] and readme.read_text() == "no marks"


def test_readme_has_the_table_of_the_committed_verdicts():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = text.split(BEGIN)[1].split(END)[0].strip()
    assert shown == claims_table(ROOT / "experiments" / "verdicts.csv").strip()
