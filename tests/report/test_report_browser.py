"""The page in a real browser, opened from disk with the network switched off."""

import os
import shutil

import pytest

sync_api = pytest.importorskip("playwright.sync_api")

ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run",
)  # fmt: skip
NAMES = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="module")
def browser():
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if not found:
        pytest.skip(f"no browser: none of {', '.join(NAMES)} is installed, and CHROMIUM is unset")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture
def opened(browser, campaign, request):
    """Open the report, and fail when it asks for anything or complains."""
    width, scheme = getattr(request, "param", (1400, "light"))
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce"
    )
    context.set_offline(True)
    page, wrong = context.new_page(), []
    page.on("request", lambda it: _local(it.url) or wrong.append(it.url))
    page.on("console", lambda it: it.type in ("error", "warning") and wrong.append(it.text))
    page.on("pageerror", lambda it: wrong.append(str(it)))
    page.goto((campaign.folder / "report.html").as_uri())
    yield page
    context.close()
    assert wrong == []


def _local(url: str) -> bool:
    return url.startswith(("file://", "data:"))


@pytest.mark.parametrize(
    "opened", [(1400, "light"), (1400, "dark"), (420, "light"), (420, "dark")], indirect=True
)
def test_the_page_opens_from_disk_and_fits_the_screen(opened):
    wide = opened.evaluate("document.documentElement.scrollWidth - innerWidth")

    assert wide <= 0
    assert opened.locator("svg[role=img]").first.bounding_box()["width"] > 250


@pytest.mark.parametrize(
    "opened", [(1400, "light"), (1400, "dark"), (420, "light"), (420, "dark")], indirect=True
)
def test_the_page_of_synthetic_workloads_fits_the_screen_too(opened, overhead):
    opened.goto((overhead.folder / "report.html").as_uri() + "#steps")
    for folded in opened.locator("#steps details").all():
        folded.evaluate("it => it.open = true")

    assert opened.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert opened.locator("#steps svg[role=img]").first.bounding_box()["width"] > 250


def test_a_permalink_unfolds_its_cell(opened, campaign):
    anchor = "cell-airflow-local-tuned-complaints-small-control-killed"
    opened.goto((campaign.folder / "report.html").as_uri() + f"#{anchor}")

    assert opened.locator(f"#{anchor}").get_attribute("open") is not None


def test_a_figure_leads_to_its_rows_and_a_row_unfolds_as_json(opened):
    opened.locator("#summary a.fig").first.click()
    cell = opened.locator("details.cell[open]")
    cell.locator("details[data-row] > summary").last.click()
    opened.wait_for_function(
        "document.querySelector('details.cell[open] details[open] pre').textContent"
    )
    told = cell.locator("details[open] pre").inner_text()

    assert '"engine": "bare"' in told and '"cpu": "Invented CPU"' in told


@pytest.mark.parametrize(("opened", "ink"), [((1400, "light"), "rgb(28, 36, 49)"),
                                             ((1400, "dark"), "rgb(231, 235, 241)")],
                         indirect=["opened"])  # fmt: skip
def test_charts_follow_the_colour_scheme(opened, ink):
    found = "getComputedStyle(document.querySelector('.time svg [fill=\"#1c2431\"]')).fill"

    assert opened.evaluate(found) == ink
