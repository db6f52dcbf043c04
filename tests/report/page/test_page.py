import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from depthrepro.report.bootstrap import Interval
from depthrepro.report.claim_words import numbers
from depthrepro.report.claims import Verdict
from depthrepro.report.page import intervals
from depthrepro.report.page.overview import parts
from depthrepro.report.paper import Claim
from tests.report.page.page_fixture import HOSTILE, answers_of, small_page, small_report

CLAIM = Claim("L12 beats L9", "L12", "L9", ("abs_rel",))


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    return small_report(tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def html(report):
    return small_page(report)


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


def test_verdicts_are_counted_by_asker_and_kind_of_images(report, html):
    """One claim in one metric on one set is one verdict; photographs come first."""
    text = words(html)
    photographs = "claims, photographs 3 reproduced 3 contradicted 2 no difference 1 undecided 2 not measured"
    synthetic = "claims, synthetic images 7 reproduced 3 contradicted 1 undecided 11 in all"
    assert text.index(photographs) < text.index(synthetic)
    assert "our own questions, photographs 1 yes 1 no 1 no difference 1 undecided 1 not measured 5 in all" in text
    assert "our own questions, synthetic images 3 yes 1 no 1 undecided 5 in all" in text
    found = parts(answers_of(report))
    assert [(part.of_papers, part.photographs, part.total) for part in found] == [
        *((True, True, 11), (True, False, 11), (False, True, 5), (False, False, 5)),
    ]


def test_a_verdict_says_how_large_it_is_beside_the_paper_s_and_what_would_decide_it(html):
    text = words(html)
    assert "reproduced smaller than the margin" in text and "undecided about 9 seeds" in text
    assert "−0.020 −7.4 % [−0.030, −0.010] 95 % −0.028 −14 % 2, 60" in text


def test_synthetic_data_are_marked_wherever_they_stand(html):
    assert html.count("synthetic, not photographs</span>") == 2  # once per block, of two tables
    assert "What the papers claim, on synthetic images" in words(html)


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
    text = words(small_page(report[-1:], source="runs"))
    assert "No finished run feeds any of these tables yet." in text
    assert "Garg et al. 2016: garg_stages" in text


def test_the_same_tables_give_the_same_file(report, html):
    assert small_page(report) == html


def test_a_figure_that_is_no_png_is_named(report, tmp_path):
    broken = tmp_path / "plot.png"
    broken.write_bytes(b"GIF89a")
    one = report[0]
    slug = one.blocks[0].slug
    changed = replace(one, figures={slug: {"Plot": broken}})
    with pytest.raises(ValueError, match=r"plot\.png: not a PNG"):
        small_page([changed], source="runs")


def test_the_navigation_keeps_the_tables_of_a_paper_together(report, html):
    survey = replace(report[1].table, name="da_places", title="Survey 2024: scenes", short="Scenes")
    between = [report[0], replace(report[1], table=survey), report[2]]
    nav = small_page(between, source="runs").partition("<nav")[2].partition("</nav>")[0]
    assert re.findall(r"<li[^>]*>(?:<a[^>]*>)?([^<]+)", nav) == [
        *("Claims", "Garg et al. 2016", "garg_resolution", "garg_stages", "Survey 2024", "Scenes"),
    ]


def measured(metric="abs_rel", ends=(-0.04, 0.0), **changed):
    interval = Interval(-0.02, *ends)
    known = {"seeds": (0, 1), "images": 60, "reference": 0.4, "margin": 0.02, "paper_reference": 0.2}
    return Verdict(CLAIM, metric, "reproduced", interval, **{**known, **changed})


def test_right_of_the_middle_the_claim_holds_and_one_margin_is_as_wide_everywhere():
    mark = intervals.place(measured(paper_difference=-0.01), kind="for")
    assert (mark.low, mark.x, mark.high) == (50.0, intervals.BAND[1], intervals.at(2.0))  # a lower error is better
    assert mark.paper == intervals.BAND[1]  # 5 % of 0.2: the paper's margin is half of ours
    share = intervals.place(measured("delta1", margin=0.01, ends=(-0.03, -0.01)), kind="against")
    assert (share.low, share.high) == (intervals.at(-3.0), intervals.BAND[0])
    assert mark.text == "AbsRel −0.020, 95 % interval −0.040 to 0.000: reproduced"


def test_what_is_far_off_is_drawn_at_the_edge():
    assert (intervals.at(-500), intervals.at(0), intervals.at(500)) == (3.0, 50.0, 97.0)


def test_without_a_margin_or_an_interval_nothing_is_drawn():
    assert intervals.place(measured(margin=None), kind="open") is None
    assert intervals.place(Verdict(CLAIM, "abs_rel", "not measured"), kind="none") is None


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
