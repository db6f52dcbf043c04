import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from depthrepro.report.bootstrap import Interval
from depthrepro.report.claims import Verdict, numbers
from depthrepro.report.page import intervals
from depthrepro.report.page.index import page
from depthrepro.report.page.matrix import matrices
from depthrepro.report.paper import Claim
from tests.report.page.page_fixture import HOSTILE, small_report

CLAIM = Claim("L12 beats L9", "L12", "L9", ("abs_rel",))


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    return small_report(tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def html(report):
    return page(report, source="run directories below runs")


def words(html):
    """The text of a page, tags and white space taken out."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html.split("<main>")[1].split("</main>")[0]))


class Urls(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        self.found += [value for name, value in attrs if name in ("src", "href", "srcset", "data", "action", "poster")]


def test_the_page_points_at_nothing_outside_itself(html):
    parser = Urls()
    parser.feed(html)
    assert {url.split(",")[0][:5] for url in parser.found if not url.startswith("#")} == {"data:"}
    assert "url(" not in html and "@import" not in html and "http" not in html.replace("http-equiv", "")


def test_what_authors_wrote_stays_text(html):
    assert HOSTILE not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp;" in html


def test_counts_per_data_set_add_up_to_the_claims(html):
    text = words(html)
    # Streets: three claims and the one on accuracy hold, one does not, one splits by metric, one has no run.
    streets = "6 claims: 4 reproduced , 1 contradicted , 1 undecided"
    kitti = "6 claims: 3 reproduced , 1 contradicted , 1 undecided , 1 not measured"
    assert text.index(kitti) < text.index(streets)  # real data first
    assert "5 questions of our own: 3 yes , 1 no , 1 undecided" in text
    assert "5 questions of our own: 2 yes , 1 no , 1 undecided , 1 not measured" in text


def test_tables_that_share_no_data_set_stand_in_matrices_of_their_own(report):
    resolution, loss, waiting = report
    elsewhere = [replace(block, keys=block.keys | {"data": "rooms", "fingerprint": "1"}) for block in loss.blocks[:1]]
    apart = replace(loss, blocks=elsewhere, verdicts={elsewhere[0].slug: loss.verdicts[loss.blocks[0].slug]})
    first, second = matrices([resolution, apart, waiting])
    assert [len(first.columns), len(second.columns)] == [2, 1]
    assert [[table.name for table, _ in matrix.tables] for matrix in (first, second)] == [
        ["garg_resolution"],
        ["garg_loss"],
    ]
    (together,) = matrices(report)
    assert [table.name for table, _ in together.tables] == ["garg_resolution", "garg_loss"]


def test_synthetic_data_are_marked_wherever_they_stand(html):
    # Once with the counts, once over the column of claims, once per block (two tables).
    assert html.count("synthetic, not photographs</span>") == 4


def test_a_table_without_runs_says_how_to_get_one(html):
    text = words(html)
    assert "No finished run feeds this table yet. To make one: python -m depthrepro.train" in text
    assert "runs/garg_stages/seed=0 : running at step 3 of 750" in text


def test_every_run_behind_a_number_is_named(html):
    for part in ("runs/garg_resolution/abc/seed=1", "hash1", "0123456", "f00d"):
        assert part in html


def test_a_reason_stands_beside_what_was_not_measured(html):
    assert "no finished run of L9" in words(html)


def test_without_any_run_the_page_still_lists_its_tables(report):
    text = words(page(report[-1:], source="runs"))
    assert "No finished run feeds any of these tables yet." in text
    assert "Garg et al. 2016: garg_stages" in text


def test_the_same_tables_give_the_same_file(report, html):
    assert page(report, source="run directories below runs") == html


def test_a_figure_that_is_no_png_is_named(report, tmp_path):
    broken = tmp_path / "plot.png"
    broken.write_bytes(b"GIF89a")
    one = report[0]
    slug = one.blocks[0].slug
    changed = replace(one, figures={slug: {"Plot": broken}})
    with pytest.raises(ValueError, match=r"plot\.png: not a PNG"):
        page([changed], source="runs")


def test_the_navigation_keeps_the_tables_of_a_paper_together(report, html):
    survey = replace(report[1].table, name="da_places", title="Survey 2024: scenes", short="Scenes")
    between = [report[0], replace(report[1], table=survey), report[2]]
    nav = page(between, source="runs").partition("<nav")[2].partition("</nav>")[0]
    assert re.findall(r"<li[^>]*>(?:<a[^>]*>)?([^<]+)", nav) == [
        *("Claims", "Garg et al. 2016", "garg_resolution", "garg_stages", "Survey 2024", "Scenes"),
    ]


def test_an_interval_is_drawn_to_scale_around_zero():
    verdict = Verdict(CLAIM, "abs_rel", "reproduced", Interval(-0.02, -0.04, 0.0), -0.01, (0, 1), 60)
    mark = intervals.place(verdict, limit=0.04, kind="for")
    # 100 units, 3 of them kept free at either edge: −0.04 lies at 3, zero at 50, half way between is 26.5.
    assert (mark.low, mark.x, mark.high, mark.paper) == (3.0, 26.5, 50.0, 38.25)
    assert mark.claimed_left
    assert mark.text == "AbsRel −0.020, 95 % interval −0.040 to 0.000: reproduced"


def test_the_paper_s_difference_is_left_out_where_it_lies_off_the_drawing():
    verdict = Verdict(CLAIM, "abs_rel", "reproduced", Interval(-0.02, -0.03, -0.01), -0.5, (0, 1), 60)
    assert intervals.place(verdict, limit=0.03, kind="for").paper is None


def test_accuracy_is_claimed_to_the_right():
    verdict = Verdict(CLAIM, "delta1", "contradicted", Interval(-0.02, -0.03, -0.01))
    assert not intervals.place(verdict, limit=0.03, kind="against").claimed_left


def test_rows_of_equal_numbers_are_drawn_at_zero():
    verdict = Verdict(CLAIM, "abs_rel", "undecided", Interval(0.0, 0.0, 0.0))
    assert intervals.place(verdict, limit=0.0, kind="open").x == 50.0


@pytest.mark.parametrize(
    ("interval", "texts"),
    [
        (Interval(-0.0291, -0.042, -0.0164), ("−0.029", "−0.042", "−0.016")),  # the metric's digits
        (Interval(-0.0017, -0.0021, -0.0013), ("−0.00170", "−0.00210", "−0.00130")),  # a width of 0.0008 needs five
        (Interval(0.25, 0.25, 0.25), ("+0.250", "+0.250", "+0.250")),
    ],
)
def test_small_differences_keep_two_figures(interval, texts):
    assert numbers(Verdict(CLAIM, "abs_rel", "undecided", interval)) == texts


def test_nothing_is_left_of_the_machine_in_the_page(html):
    assert str(Path.home()) not in html and "/tmp" not in html
