"""The talking face in a real browser: its shapes, whom it follows, how it looks and what it is called."""

from itertools import pairwise

import pytest

from litestar_tts.models import VisemeSet
from litestar_tts.visemes import sets
from tests.support.avatar_page import stage, until
from tests.support.chromium import MARKS

playwright_api = pytest.importorskip("playwright.sync_api")

pytestmark = MARKS


@pytest.fixture(scope="module")
def studio():
    with stage() as studio:
        yield studio


@pytest.fixture
def opened(studio):
    with studio.pages() as opened:
        yield opened


def frames(viseme_set: VisemeSet) -> list[dict[str, object]]:
    """Every viseme of a set as the client's frames say it."""
    shapes, names = sets.shapes(viseme_set), sets.names(viseme_set)
    members = shapes or names
    numbered = viseme_set in (VisemeSet.DEFAULT, VisemeSet.AZURE)
    return [
        {
            "speaking": True,
            "timeMs": 0,
            "weights": [float(position == index) for position in range(len(members))],
            "blend": member if shapes else {str(index) if numbered else member: 1},
        }
        for index, member in enumerate(members)
    ]


# --- shapes -------------------------------------------------------------------------------------------------------


def test_each_viseme_of_the_default_set_has_a_mouth_of_its_own(opened) -> None:
    page = opened('<tts-avatar id="a" for=""></tts-avatar>')
    mouths = page.evaluate(
        "() => Array.from({length: 17}, (_, index) => { say(a, {[index]: 1}); return [pathOf(a), gap(a), width(a)]; })"
    )
    assert len({path for path, _, _ in mouths}) >= 16
    whole = page.evaluate(
        "() => Array.from({length: 17}, (_, index) => { say(a, {[index]: 1});"
        " return [...a.shadowRoot.querySelectorAll('path')].map((path) => path.getAttribute('d')).join(); })"
    )
    assert len(set(whole)) == 17
    silence, a, e, i, o, u, bmp = (gap for _, gap, _ in mouths[:7])
    assert silence < 0.1
    assert bmp < 0.1
    assert a > e > i > 3
    assert o > u > 3
    widths = [width for _, _, width in mouths]
    assert widths[3] > widths[2] > widths[1] > widths[4] > widths[5]
    assert widths[8] < widths[0] * 0.7


def test_shapes_mix_and_the_lips_meet_for_p_in_the_middle_of_a_word(opened) -> None:
    page = opened('<tts-avatar id="a" for=""></tts-avatar>')
    opening = "(weights) => { say(a, weights); return gap(a); }"
    steps = [page.evaluate(opening, {"1": share / 10, "0": 1 - share / 10}) for share in range(11)]
    assert steps == sorted(steps)
    assert max(after - before for before, after in pairwise(steps)) < 0.15 * steps[-1]
    assert page.evaluate(opening, {"1": 0.3, "6": 0.7}) < 1
    # Teeth on the lip: the upper ones reach down past the opening.
    assert page.evaluate(opening, {"7": 1}) > 3
    assert page.evaluate(opening, {"7": 1}) < page.evaluate(opening, {"1": 1}) / 2


@pytest.mark.parametrize("viseme_set", [one for one in VisemeSet if one is not VisemeSet.DEFAULT])
def test_every_viseme_set_moves_the_same_mouth(opened, viseme_set) -> None:
    page = opened('<tts-avatar id="a" for=""></tts-avatar>')
    mouths = page.evaluate(
        "(frames) => frames.map((frame) => { a.frame({...frame, weights: Float32Array.from(frame.weights)});"
        " return [pathOf(a), gap(a), width(a)]; })",
        frames(viseme_set),
    )
    assert mouths[0][1] < 0.1
    assert len({path for path, _, _ in mouths}) > len(mouths) * 0.6
    # The sound of each set that opens widest, closes, and rounds.
    wide, closed, round_ = {
        VisemeSet.AZURE: (2, 21, 7),
        VisemeSet.OCULUS: (10, 1, 14),
        VisemeSet.POLLY: (12, 1, 10),
        VisemeSet.RHUBARB: (4, 1, 6),
        VisemeSet.VRM: (1, 14, 12),
        VisemeSet.LIVE2D: (1, 14, 12),
        VisemeSet.ARKIT: (1, 14, 12),
    }[viseme_set]
    assert mouths[wide][1] > 12
    assert mouths[closed][1] < 0.1
    assert mouths[round_][2] < mouths[0][2] * 0.75
    assert 2 < mouths[round_][1] < mouths[wide][1]


def test_it_is_moved_by_hand_through_bound_methods(opened) -> None:
    page = opened('<tts-avatar id="a" for=""></tts-avatar>')
    page.evaluate("() => { window.rest = pathOf(a); const { viseme } = a; viseme('aa'); }")
    until(page, "gap(a) > 15")
    page.evaluate("() => a.viseme(5)")
    until(page, "gap(a) < 12 && width(a) < 30")
    page.evaluate("() => a.viseme({ParamMouthOpenY: 1, ParamMouthForm: 0})")
    until(page, "gap(a) > 15")
    page.evaluate("() => a.viseme(21, 'azure')")
    until(page, "gap(a) < 0.2")
    page.evaluate("() => { const { rest } = a; a.viseme(1); rest(); }")
    until(page, "pathOf(a) === window.rest")
    message = page.evaluate("() => { try { a.viseme('moo'); } catch (error) { return `${error}`; } }")
    assert message.startswith('RangeError: No mouth shape is called "moo"')


# --- whom it follows ----------------------------------------------------------------------------------------------


def test_it_follows_what_the_page_says_and_rests_when_it_is_over(opened) -> None:
    page = opened('<tts-avatar id="a"></tts-avatar><tts-avatar id="b" for=""></tts-avatar><button id="go">Go</button>')
    page.evaluate("""() => {
      window.rest = pathOf(a);
      window.seen = [];
      ttsService.addEventListener("frame", ({ detail }) => {
        window.seen.push({ weights: [...detail.weights], speaking: detail.speaking, gap: gap(a), path: pathOf(a) });
      });
      document.getElementById("go").onclick = () => {
        window.done = false;
        ttsService.speakStreaming("Bob made my mama a pumpkin pie.", null, null, { visemes: "default" })
          .then((stats) => { window.done = stats; }, (error) => { window.done = `${error}`; });
      };
    }""")
    page.click("#go")
    until(page, "window.done")
    assert page.evaluate("window.done.visemes") > 10
    seen = page.evaluate("window.seen")
    assert len({frame["path"] for frame in seen}) > 12
    closed = [frame for frame in seen if frame["speaking"] and frame["weights"][6] > 0.75]
    assert closed, "no p, b or m was seen"
    assert max(frame["gap"] for frame in closed) < 0.5
    assert max(frame["gap"] for frame in seen if frame["weights"][1] > 0.8) > 12
    until(page, "pathOf(a) === window.rest")
    assert page.evaluate("pathOf(b) === window.rest"), "an empty for follows nobody"


def test_it_follows_one_player_of_several(opened) -> None:
    page = opened(
        '<tts-avatar id="a" for="one"></tts-avatar><tts-avatar id="b" for="two"></tts-avatar>'
        '<div id="place"></div><tts-player id="two" text="Two."></tts-player>'
    )
    # The player may come later than its face.
    page.evaluate("""() => {
      window.rest = pathOf(a);
      window.most = { a: 0, b: 0 };
      const player = document.createElement("tts-player");
      player.id = "one";
      player.text = "A papaya, please.";
      place.append(player);
      player.addEventListener("tts-frame", () => {
        window.most.a = Math.max(window.most.a, gap(a));
        window.most.b = Math.max(window.most.b, gap(b));
      });
      player.addEventListener("tts-end", () => { window.ended = true; });
    }""")
    page.get_by_role("button", name="Play").or_(page.get_by_role("button", name="Listen")).first.click()
    until(page, "window.ended")
    assert page.evaluate("window.most.a") > 8
    assert page.evaluate("window.most.b") < 0.1
    until(page, "pathOf(a) === window.rest")


def test_another_service_or_none(opened) -> None:
    page = opened('<tts-avatar id="a"></tts-avatar>')
    result = page.evaluate("""() => {
      let index = 0;
      const moves = (service) => {
        const before = pathOf(a);
        index += 1;
        service.dispatchEvent(new CustomEvent("frame", { detail: moment({ [index]: 1 }) }));
        return pathOf(a) !== before;
      };
      const first = new TTSService(), second = new TTSService();
      const own = a.service === ttsService && moves(ttsService);
      a.service = first;
      const given = [moves(ttsService), moves(first)];
      a.service = second;
      const changed = [moves(first), moves(second)];
      a.service = null;
      const none = [moves(ttsService), moves(first), moves(second), a.service];
      a.service = undefined;
      return { own, given, changed, none, again: moves(ttsService) };
    }""")
    assert result == {
        "own": True,
        "given": [False, True],
        "changed": [False, True],
        "none": [False, False, False, None],
        "again": True,
    }


def test_a_mouth_does_not_stay_open_when_the_frames_stop(opened) -> None:
    page = opened('<tts-avatar id="a" for=""></tts-avatar>')
    assert page.evaluate("() => { say(a, {1: 1}); return gap(a); }") > 12
    until(page, "gap(a) < 0.1")


# --- looks --------------------------------------------------------------------------------------------------------


def test_each_character_is_another_and_many_share_a_page(opened) -> None:
    page = opened("<main></main>")
    faces = page.evaluate("""() => TTSAvatar.faces.map((face) => {
      const avatar = document.createElement("tts-avatar");
      avatar.face = face;
      document.querySelector("main").append(avatar);
      return { face, ids: [...avatar.shadowRoot.querySelectorAll("[id]")].map(({ id }) => id),
        used: [...avatar.shadowRoot.innerHTML.matchAll(/url\\(#([^)]+)\\)/g)].map(([, id]) => id),
        drawing: avatar.shadowRoot.innerHTML.replace(/tts-\\d+-/g, ""), label: avatar.getAttribute("aria-label") };
    })""")
    assert len(faces) >= 4
    assert len({face["drawing"] for face in faces}) == len({face["label"] for face in faces}) == len(faces)
    ids = [one for face in faces for one in face["ids"]]
    assert len(ids) == len(set(ids))
    for face in faces:
        assert set(face["used"]) <= set(face["ids"])
    page.evaluate("""() => { const avatar = document.createElement("tts-avatar"); avatar.id = "odd";
      avatar.setAttribute("face", "nobody"); document.querySelector("main").append(avatar); }""")
    assert page.evaluate("odd.shadowRoot.querySelector('svg') !== null")


def test_colours_are_the_pages_to_choose(opened) -> None:
    page = opened('<tts-avatar id="a" for=""></tts-avatar>')
    colours = """() => [...a.shadowRoot.querySelectorAll("[fill]")].map((node) => getComputedStyle(node).fill)"""
    for name in ("skin", "hair", "lips", "eyes", "shirt", "background", "brows"):
        assert "rgb(1, 2, 3)" not in page.evaluate(colours)
        page.evaluate("(name) => a.style.setProperty(name, 'rgb(1, 2, 3)')", f"--tts-{name}")
        assert "rgb(1, 2, 3)" in page.evaluate(colours), name
        page.evaluate("(name) => a.style.removeProperty(name)", f"--tts-{name}")


def test_it_looks_where_it_is_told(opened) -> None:
    page = opened('<tts-avatar id="a" for=""></tts-avatar>', reduced_motion="reduce")
    eyes = page.evaluate("""() => ["left", "", "right", "up left", "down"].map((look) => {
      a.setAttribute("look", look);
      const [x, y] = a.shadowRoot.querySelector("[clip-path*=eye] > g").getAttribute("transform").match(/-?[\\d.]+/g);
      return [Number(x), Number(y)];
    })""")
    left, ahead, right, up_left, down = eyes
    assert left[0] < ahead[0] < right[0]
    assert up_left[0] == left[0]
    assert up_left[1] < ahead[1] < down[1]


@pytest.mark.parametrize("size", [48, 200, 800])
def test_it_keeps_its_shape_at_any_size(opened, size) -> None:
    page = opened('<tts-avatar id="a" for=""></tts-avatar>')
    page.evaluate("(size) => a.style.setProperty('width', `${size}px`)", size)
    box = page.evaluate(
        "() => { const { width, height } = a.getBoundingClientRect(); const svg ="
        " a.shadowRoot.querySelector('svg').getBoundingClientRect();"
        " return [width, height, svg.width, svg.height, getComputedStyle(a).display]; }"
    )
    assert box == [size, size, size, size, "block"]


def test_it_has_a_name_or_is_decoration(opened) -> None:
    page = opened(
        '<tts-avatar id="a" label="Our guide" for=""></tts-avatar><tts-avatar id="b" label="" for=""></tts-avatar>'
        '<tts-avatar id="c" aria-label="Mine" for=""></tts-avatar><tts-avatar id="d" face="robot" for=""></tts-avatar>'
    )
    expect = playwright_api.expect
    expect(page.get_by_role("img")).to_have_count(3)
    for name in ("Our guide", "Mine", "A friendly robot"):
        expect(page.get_by_role("img", name=name)).to_have_count(1)
    page.evaluate("() => { a.setAttribute('label', ''); b.setAttribute('label', 'Named'); d.face = 'star'; }")
    expect(page.get_by_role("img", name="Named")).to_have_count(1)
    expect(page.get_by_role("img", name="A golden star")).to_have_count(1)
    expect(page.get_by_role("img")).to_have_count(3)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement === document.body"), "it takes no focus"
