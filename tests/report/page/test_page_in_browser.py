"""The page in headless Chromium: what a person sees, clicks and prints."""

import pytest

from tests.report.page.browser import Browser, find_chromium
from tests.report.page.page_fixture import small_page, small_report

CONTRAST = """
(() => {
  const parts = (c) => c.match(/[\\d.]+/g).map(Number);
  const light = (c) => parts(c).slice(0, 3).map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (e) => {
    for (; e; e = e.parentElement) {
      const c = getComputedStyle(e).backgroundColor;
      if (parts(c)[3] !== 0) return c;
    }
  };
  const of = (e) => {
    const pair = [light(getComputedStyle(e).color), light(ground(e))].sort((a, b) => b - a);
    return (pair[0] + 0.05) / (pair[1] + 0.05);
  };
  const wanted = ".chip, .badge, .count, .quiet, .key, .cite, .source, .level, .sides, .results .paper td, .spread, "
    + ".missing, nav a, th button, summary, figcaption, .facts dt, [role=tab]";
  return Math.min(...Array.from(document.querySelectorAll(wanted), of));
})()
"""
LABELS = (
    "Array.from(document.querySelector('table.sortable').tBodies, (b) => b.querySelector('[data-col=label]').dataset.v)"
)
SORT = "document.querySelector('table.sortable th[data-sort=abs_rel]').getAttribute('aria-sort')"


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    path = folder / "index.html"
    path.write_text(small_page(small_report(folder)), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    program = find_chromium()
    if program is None:
        pytest.skip("no Chromium on this machine: install the package `chromium`")
    opened = Browser(program, tmp_path_factory.mktemp("profile"))
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def nothing_goes_wrong(browser, file):
    """Whatever a test does: no error on the console, and no request but that for the file itself."""
    yield
    assert browser.errors == []
    assert [url for url in browser.requests if not url.startswith("data:")] == [file.as_uri()]


def test_counts_and_the_papers_first_claims_are_on_the_first_screen(browser, file):
    browser.open(file)
    bottom = "document.querySelector('{}').getBoundingClientRect().bottom"
    assert browser.run(bottom.format(".what")) < 200
    assert browser.run(bottom.format(".tallies")) < 320
    bottoms = browser.run(
        "Array.from(document.querySelectorAll('.verdicts tbody tr'), (r) => r.getBoundingClientRect().bottom)"
    )
    assert sum(y <= 800 for y in bottoms) >= 6


def test_no_table_of_claims_is_cut_off_on_a_usual_screen(browser, file):
    browser.open(file, size=(1366, 800))
    cut = "Array.from(document.querySelectorAll('.verdicts'), (t) => t.offsetWidth - t.parentElement.clientWidth)"
    assert max(browser.run(cut)) <= 0


def test_a_verdict_is_told_by_word_sign_and_colour(browser, file):
    browser.open(file)
    chips = browser.run(
        "Array.from(document.querySelectorAll('.verdicts .chip'), "
        "(c) => [c.textContent.trim(), c.querySelector('use').getAttribute('href'), getComputedStyle(c).color])"
    )
    told = {word: (sign, colour) for word, sign, colour in chips}
    assert set(told) == {"reproduced", "contradicted", "no difference", "undecided", "not measured", "yes", "no"}
    assert told["yes"] == told["reproduced"] and told["no"] == told["contradicted"]
    shown = [told[w] for w in ("reproduced", "contradicted", "no difference", "undecided", "not measured")]
    assert len({sign for sign, _ in shown}) == 5 and len({colour for _, colour in shown}) >= 4


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_text_stands_out_in_light_and_dark(browser, file, dark):
    browser.open(file, dark=dark)
    ground = browser.run("getComputedStyle(document.body).backgroundColor")
    assert (max(map(int, ground[4:-1].split(","))) < 60) is dark
    assert browser.run(CONTRAST) >= 4.5
    assert (
        browser.run("getComputedStyle(document.querySelector('figure button')).backgroundColor") == "rgb(255, 255, 255)"
    )


def test_tables_sort_by_ours_with_missing_last_and_back(browser, file):
    browser.open(file)
    at_first = browser.run(LABELS)
    head = "table.sortable th[data-sort=abs_rel] button"
    browser.click(head)
    rising = ["L11", "L12", "L9", "Other", "L10", "Mean depth map (train)", "L10 + skip"]
    assert browser.run(LABELS) == rising and browser.run(SORT) == "ascending"
    browser.click(head)
    assert browser.run(LABELS) == [*rising[-2::-1], "L10 + skip"] and browser.run(SORT) == "descending"
    browser.click(head)
    assert browser.run(LABELS) == at_first and browser.run(SORT) == "none"


def test_accuracy_sorts_best_first_and_by_keyboard(browser, file):
    browser.open(file)
    browser.run("document.querySelector('table.sortable th[data-sort=delta1] button').focus()")
    browser.key("Enter", 13)
    assert browser.run(LABELS)[0] == "L11"
    pairs = "Array.from(document.querySelector('table.sortable').tBodies[0].rows, (r) => r.className)"
    assert browser.run(pairs) == ["paper", "level"]  # the paper's line goes where ours goes


def test_checkpoints_are_tabs(browser, file):
    browser.open(file)
    seen = (
        "Array.from(document.querySelectorAll('article')[0].querySelectorAll('.checkpoint'), (p) => p.offsetHeight > 0)"
    )
    assert browser.run(seen) == [True, False]
    browser.click("[role=tab][aria-selected=true]")
    browser.key("ArrowRight", 39)
    assert browser.run(seen) == [False, True]


def test_figures_enlarge_and_give_the_focus_back(browser, file):
    browser.open(file)
    shown = "document.querySelector('dialog img').alt"
    browser.click("figure button")
    assert browser.run("document.querySelector('dialog').open")
    assert browser.run(shown).startswith("Error against resolution: ")
    assert browser.run("document.querySelector('dialog img').getBoundingClientRect().width") == 720
    browser.key("ArrowRight", 39)
    assert browser.run(shown).startswith("Images & predictions: ")
    browser.key("ArrowRight", 39)  # round to the first
    assert browser.run(shown).startswith("Error against resolution: ")
    browser.key("Escape", 27)
    assert not browser.run("document.querySelector('dialog').open")
    assert browser.run("document.activeElement === document.querySelector('figure button')")


def test_a_phone_scrolls_tables_and_never_the_page(browser, file):
    browser.open(file, size=(390, 844))
    assert browser.run("document.documentElement.scrollWidth") <= 390
    # Beside the row's name, and without scrolling: all of the metrics here.
    heads = "Array.from(document.querySelectorAll('.sortable thead th'), (h) => h.getBoundingClientRect().right)"
    assert max(browser.run(heads)) <= 390


def test_a_phone_shows_every_verdict_with_its_metric(browser, file):
    browser.open(file, size=(390, 844))
    browser.run("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    for part in (".metric", ".by .chip"):
        edges = browser.run(
            f"Array.from(document.querySelectorAll('.verdicts {part}'), (c) => c.getBoundingClientRect())"
            ".map((r) => [r.left, r.right, r.height])"
        )
        assert all(0 <= left < right <= 390 and height > 0 for left, right, height in edges)


def test_without_script_everything_is_there(browser, file):
    browser.open(file, script=False)
    heights = "Array.from(document.querySelectorAll('.checkpoint, table, figure img'), (e) => e.offsetHeight)"
    browser.send("Emulation.setScriptExecutionDisabled", value=False)  # for the question, not for the page
    assert min(browser.run(heights)) > 0
    assert browser.run("document.querySelectorAll('button:not(dialog button), details:not([open])').length") == 0


def test_paper_gets_every_table_in_light_colours(browser, file):
    browser.open(file, dark=True)
    tables = browser.run("document.querySelectorAll('table').length")
    closed = "document.querySelectorAll('details:not([open])').length"
    assert browser.run(closed) == 6  # the runs of four blocks, and our questions on both kinds of images
    pdf = browser.pdf()
    assert pdf.startswith(b"%PDF")
    assert (
        pdf.count(b"/S /Table\n") == tables == 5 + 4 * 4
    )  # counts and four of claims; per block two tables, verdicts and runs
    assert browser.run(closed) == 6  # as it was
    browser.media(dark=True, kind="print")
    assert browser.run("getComputedStyle(document.querySelector('nav')).display") == "none"
    assert browser.run("getComputedStyle(document.querySelector('.chip.for')).color") == "rgb(21, 80, 138)"
