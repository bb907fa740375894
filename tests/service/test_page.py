"""The page at the service's root, in a real browser: what a visitor sees and can do."""

import json
import re
import sys
import urllib.parse
from pathlib import Path

import pytest

from egraph import spaces

sys.path.insert(0, str(Path(__file__).parent))

from asking import Fixed
from browsing import ALLOWED, ask, open_browser, serve, wait_for

from egraph.service import Limits, Settings

CONTRAST = Path(__file__).with_name("contrast.js")
CELL = "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|none~2|"
OPS = ["nor_conv_3x3", "nor_conv_3x3", "avg_pool_3x3", "skip_connect", "nor_conv_3x3", "none"]
MATRIX = {"matrix": [[0, 1, 1], [0, 0, 1], [0, 0, 0]], "ops": ["input", "conv3x3-bn-relu", "output"]}
CHAIN = {"ops": ["input", "nor_conv_3x3", "avg_pool_3x3", "output"], "edges": [[0, 1], [1, 2], [2, 3]]}


@pytest.fixture(scope="module")
def models(model):
    return Fixed(model)


@pytest.fixture(scope="module")
def address(models):
    with serve(models, Settings()) as address:
        yield address


@pytest.fixture(scope="module")
def browser():
    with open_browser() as browser:
        yield browser


@pytest.fixture
def visit(browser, address):
    """Opens the page in a window of its own, and sees to it that it asks nobody else and fails nowhere."""
    contexts, strangers, errors = [], [], []

    def visit(fragment="", width=1280, height=900, at=address, **options):
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        context.set_default_timeout(20_000)
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: request.url.startswith(at) or strangers.append(request.url))
        page.on("console", lambda line: line.type in ("error", "warning") and errors.append(line.text))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{at}/{fragment}")
        return page

    yield visit
    for context in contexts:
        context.close()
    assert strangers == []
    assert [text for text in errors if not ALLOWED.match(text)] == []


def fragment(architecture, kept=None):
    fields = {"a": json.dumps(architecture)} | ({"b": json.dumps(kept)} if kept else {})
    return "#" + urllib.parse.urlencode(fields)


def edited(page):
    """The architecture that the address of the page holds."""
    fields = urllib.parse.parse_qs(page.evaluate("location.hash.slice(1)"))
    return json.loads(fields["a"][0])


def shown_score(page):
    page.wait_for_selector("#score[aria-busy='false']")
    return float(page.inner_text("#score-value").replace("−", "-"))


def score_of(address, architecture):
    return ask(address, "score", architectures=[architecture])["scores"][0]


def press(page, *keys):
    for key in keys:
        page.keyboard.press(key)


def drawn(page):
    return [text.split(" ", 1)[1] for text in page.locator("#canvas .vertex text").all_text_contents()]


def test_a_visitor_sees_an_example_and_its_score_without_typing(visit, address):
    page = visit()
    example = ask(address, "model")["example"]
    assert shown_score(page) == pytest.approx(score_of(address, example), abs=0.06)
    assert drawn(page) == example["ops"]
    assert page.locator("#canvas .edge").count() == len(example["edges"])
    assert "nasbench201 · learned from" in page.inner_text("#model")
    assert re.search(r"80 % interval −?[\d.]+ to −?[\d.]+", page.inner_text("#score-body"))


def test_each_notation_can_be_pasted(visit, address):
    page = visit()
    macro = spaces.get("nasbench_macro").parse("21100000").ops
    for text, space, ops in [
        (CELL, "nasbench201", ["input", *OPS, "output"]),
        (json.dumps(CHAIN), "nasbench201", CHAIN["ops"]),
        (json.dumps(MATRIX), "nasbench201", MATRIX["ops"]),
        (str(MATRIX), "nasbench201", MATRIX["ops"]),
        ("21100000", "nasbench_macro", list(macro)),
    ]:
        page.fill("#paste-text", text)
        page.select_option("#paste-space", space)
        page.click("#paste button")
        wait_for(lambda ops=ops: drawn(page) == ops and page.input_value("#paste-text") == "")
    assert shown_score(page) == pytest.approx(score_of(address, edited(page)), abs=0.06)


def test_what_is_wrong_with_a_paste_is_told_beside_it(visit):
    page = visit()
    before = edited(page) if shown_score(page) else None
    for text, told in [
        ("{oops", "Not JSON"),
        ("|none~0|", "Not a NAS-Bench-201 cell"),
        ('{"ops": ["input", "flux", "output"], "edges": []}', "ops[1]: Unknown operation 'flux'"),
        ('{"ops": ["input", "output"], "edges": [[0, 7]]}', "edges[0]: [0, 7] names a vertex outside"),
        (" ", "Paste an architecture first"),
    ]:
        page.fill("#paste-text", text)
        page.press("#paste-text", "Control+Enter")
        wait_for(lambda told=told: page.inner_text("#paste-error").startswith(told))
        assert page.get_attribute("#paste-text", "aria-invalid") == "true"
        assert page.input_value("#paste-text") == text
    assert edited(page) == before


def test_an_architecture_is_edited_by_keyboard_alone(visit, address):
    page = visit(fragment(CHAIN))
    shown_score(page)
    page.focus("#insert-0")
    press(page, "Tab")
    assert page.evaluate("document.activeElement.id") == "op-1"
    press(page, "a")  # a menu goes to the entry that begins so
    wait_for(lambda: edited(page)["ops"][1] == "avg_pool_3x3")
    press(page, "Tab", "Enter")  # inserts a vertex, and goes to its menu
    assert page.evaluate("document.activeElement.id") == "op-2"
    assert edited(page)["ops"] == ["input", "avg_pool_3x3", "avg_pool_3x3", "avg_pool_3x3", "output"]
    assert edited(page)["edges"] == [[0, 1], [1, 2], [2, 3], [3, 4]]
    press(page, "Tab", "Tab", "Tab", "ArrowLeft", "Space")  # to the buttons of what feeds it, from 1 to 0
    assert edited(page)["edges"] == [[0, 1], [0, 2], [1, 2], [2, 3], [3, 4]]
    assert page.evaluate("document.activeElement.id") == "edge-0-2"
    press(page, "Control+z", "Control+z", "Control+Shift+z")
    assert edited(page)["edges"] == [[0, 1], [1, 2], [2, 3], [3, 4]]
    page.focus("#remove-2")
    press(page, "Enter")
    assert edited(page)["edges"] == CHAIN["edges"]
    assert page.evaluate("document.activeElement.id") == "op-1"
    assert shown_score(page) == pytest.approx(score_of(address, edited(page)), abs=0.06)


def test_the_drawing_is_edited_by_keyboard(visit):
    page = visit(fragment(CHAIN))
    page.focus("#vertex-0")
    press(page, "Enter", "ArrowDown", "ArrowDown", "Enter")
    assert edited(page)["edges"] == [[0, 1], [0, 2], [1, 2], [2, 3]]
    assert page.evaluate("document.activeElement.id") == "vertex-2"
    press(page, "Space", "Home", "Space")  # the same two the other way round disconnects them
    assert edited(page)["edges"] == CHAIN["edges"]
    press(page, "End", "ArrowUp", "Delete")
    assert edited(page) == {"ops": ["input", "nor_conv_3x3", "output"], "edges": [[0, 1], [1, 2]]}


def test_the_drawing_is_edited_by_mouse(visit):
    page = visit(fragment(CHAIN))
    page.drag_and_drop("#vertex-0", "#vertex-2")
    assert edited(page)["edges"] == [[0, 1], [0, 2], [1, 2], [2, 3]]
    page.locator("[data-edge='0 2'] .hit").dispatch_event("click")
    assert edited(page)["edges"] == CHAIN["edges"]
    page.drag_and_drop("#vertex-3", "#vertex-1")  # would close a circle, so it gets the other direction
    assert edited(page)["edges"] == [[0, 1], [1, 2], [1, 3], [2, 3]]


def test_the_drawing_is_edited_by_touch(visit):
    page = visit(fragment(CHAIN), width=360, height=740, has_touch=True)
    page.tap("#vertex-1")
    assert page.get_attribute("#vertex-1", "aria-pressed") == "true"
    page.tap("#vertex-3")
    assert edited(page)["edges"] == [[0, 1], [1, 2], [1, 3], [2, 3]]


def test_a_neighbour_is_taken_up_and_given_back(visit, address):
    page = visit()
    before = edited(page) if shown_score(page) else None
    page.wait_for_selector("#neighbors[aria-busy='false']")
    told = ask(address, "neighbors", architecture=before)
    count = page.locator(".neighbor").count()
    assert count == len(told["neighbors"]) > 0
    summary = f"{told['better']} of its {told['of']} neighbours are better."
    assert page.inner_text("#neighbors-summary").startswith(summary)
    page.click("#take-0")
    assert edited(page) == told["neighbors"][0]["architecture"]
    assert shown_score(page) == pytest.approx(told["neighbors"][0]["score"], abs=0.06)
    page.click("#undo")
    assert edited(page) == before


def test_two_are_compared_side_by_side(visit, address):
    page = visit()
    page.click("#beside-0")
    page.wait_for_selector(".chances")
    best = ask(address, "neighbors", architecture=edited(page))["neighbors"][0]["architecture"]
    told = ask(address, "compare", pairs=[{"a": edited(page), "b": best}])["probabilities"][0]
    shares = page.locator(".chances dd").all_inner_texts()
    for name, share in zip(("better", "equal", "worse"), shares, strict=True):
        assert 100 * told[name] == pytest.approx(float(share.strip("<> %")), abs=1)
    assert page.locator("#comparison .drawing").count() == 2
    page.click("#swap")
    assert edited(page) == best
    page.wait_for_selector(".chances")
    page.click("#drop")
    assert page.locator("#comparison").is_hidden()
    assert page.evaluate("document.activeElement.id") == "keep"


def test_a_link_holds_both_architectures(visit, address):
    page = visit(fragment(CHAIN, kept=ask(address, "model")["example"]))
    page.wait_for_selector(".chances")
    page.reload()
    page.wait_for_selector(".chances")
    assert drawn(page) == CHAIN["ops"]


def test_a_link_that_holds_none_says_so_and_shows_the_example(visit, address):
    page = visit("#a=[1]")
    page.wait_for_selector("#score[aria-busy='false']")
    assert drawn(page) == ask(address, "model")["example"]["ops"]
    assert "link holds no architecture" in page.inner_text("#editor-error")


def test_an_operation_that_the_service_refuses_is_marked_in_its_row(visit):
    page = visit(fragment({"ops": ["input", "flux", "output"], "edges": [[0, 1], [1, 2]]}))
    page.wait_for_selector("#problem-1")
    assert "Unknown operation 'flux'" in page.inner_text("#problem-1")
    assert page.get_attribute("#op-1", "aria-invalid") == "true"


def test_what_has_no_neighbours_still_has_a_score(visit, address):
    page = visit(fragment(CHAIN))
    assert shown_score(page) == pytest.approx(score_of(address, CHAIN), abs=0.06)
    page.wait_for_selector("#neighbors[aria-busy='false']")
    assert "8 vertices" in page.inner_text("#neighbors-body")


def test_an_answer_that_was_overtaken_is_not_shown(visit, address):
    page = visit(fragment(CHAIN))
    shown_score(page)
    held = []
    page.route("**/v1/score", lambda route: route.continue_() if held else held.append(route))
    page.click("#edge-0-2")
    wait_for(lambda: page.wait_for_timeout(20) or held)
    page.click("#edge-1-3")
    wanted = score_of(address, edited(page))
    assert shown_score(page) == pytest.approx(wanted, abs=0.06)
    late = {name: [12345.0] for name in ("scores", "deviations", "lower", "upper", "unfamiliar")}
    held[0].fulfill(json=late)
    page.wait_for_timeout(50)
    assert shown_score(page) == pytest.approx(wanted, abs=0.06)


def test_a_server_that_is_away_is_asked_again(visit):
    page = visit(fragment(CHAIN))
    shown_score(page)
    page.route("**/v1/**", lambda route: route.abort())
    page.click("#edge-0-2")
    page.wait_for_selector("#away:not(:empty)")
    assert "does not answer" in page.inner_text("#away")
    page.unroute("**/v1/**")
    page.wait_for_selector("#score[aria-busy='false']")
    assert page.inner_text("#away") == ""


def test_nothing_is_wider_than_a_phone(visit, address):
    edges = [[v, v + 1] for v in range(63)] + [[v, v + 3] for v in range(0, 61, 2)]
    large = {"ops": ["input", *["none"] * 62, "output"], "edges": edges}
    page = visit(fragment(large, kept=CHAIN), width=360)
    page.wait_for_selector(".chances")
    page.click("summary")
    assert page.evaluate("document.documentElement.scrollWidth") == 360


def test_no_more_vertices_are_offered_than_the_service_takes(visit, models):
    with serve(models, Settings(limits=Limits(vertices=4))) as small:
        page = visit(fragment(CHAIN), at=small)
        page.wait_for_selector("#insert-0[disabled]")
        page.click("#remove-1")
        assert page.locator("#insert-0").is_enabled()
        page.context.close()


def test_results_are_told_to_screen_readers_and_controls_have_names(visit):
    page = visit()
    wait_for(lambda: re.fullmatch(r"Score −?[\d.]+\. .*neighbours? .*", page.text_content("#status")))
    nameless = "(all) => all.filter((e) => !(e.ariaLabel || e.labels?.length || e.textContent.trim())).length"
    controls = page.locator("button, select, textarea, summary, [role=button], [role=img]")
    assert controls.count() > 50
    assert controls.evaluate_all(nameless) == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_in_light_and_dark(visit, address, scheme):
    """WCAG 2.2, 1.4.3: a contrast of 4.5 between text and what is behind it."""
    example = ask(address, "model")["example"]
    page = visit(fragment(example, kept=CHAIN), color_scheme=scheme, reduced_motion="reduce")
    page.wait_for_selector(".chances")
    page.click("summary")
    page.wait_for_selector("#neighbors[aria-busy='false']")
    assert page.evaluate(CONTRAST.read_text(encoding="utf-8")) == []


def test_who_wants_no_motion_gets_none(visit):
    page = visit(reduced_motion="reduce")
    page.wait_for_selector("#neighbors[aria-busy='false']")
    moving = "(all) => all.filter((e) => getComputedStyle(e).transitionDuration !== '0s').length"
    assert page.locator("*").evaluate_all(moving) == 0


def test_a_browser_that_knows_the_token_gets_all_of_the_page(visit, models):
    with serve(models, Settings(token="secret")) as guarded:
        page = visit(at=guarded, http_credentials={"username": "anybody", "password": "secret"})
        assert shown_score(page) > 0
        page.context.close()
