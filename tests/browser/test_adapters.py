"""Lips for models of other makers, in a real browser."""

import pytest

from tests.support.avatar_page import stage, until
from tests.support.chromium import MARKS

pytest.importorskip("playwright.sync_api")

pytestmark = MARKS


@pytest.fixture(scope="module")
def studio():
    with stage() as studio:
        yield studio


@pytest.fixture
def opened(studio):
    with studio.pages() as opened:
        yield opened


def test_adapters_move_models_of_other_makers(opened) -> None:
    page = opened("<main></main>")
    shown = page.evaluate("window.runAdapters()")
    assert shown == {
        "cubism": [
            "live2d",
            {"ParamMouthOpenY": 0.7, "ParamMouthForm": -0.5},
            {"ParamMouthOpenY": 0, "ParamMouthForm": 0},
        ],
        "pixi": [
            "live2d",
            {"ParamMouthOpenY": 0.7, "ParamMouthForm": -0.5, "listeners": 1},
            {"ParamMouthOpenY": 0, "ParamMouthForm": 0, "listeners": 0},
        ],
        "vrm": [
            "vrm",
            {"aa": 0.8, "ih": 0, "ou": 0, "ee": 0.2, "oh": 0},
            {"aa": 0, "ih": 0, "ou": 0, "ee": 0, "oh": 0},
        ],
        "arkit": ["arkit", [0.6, 0.3, 0.4], [0, 0, 0.4]],
        "group": ["arkit", [0.5, 0, 0.4], [0, 0, 0.4]],
        "several": ["arkit", [0.4, 0, 0.4], [0, 0, 0.4]],
        "head": [
            "oculus",
            [[0.65, True], [0.325, True], [0, True]],
            [[None, True], [None, True], [None, True]],
        ],
    }


def test_an_adapter_moves_its_model_with_real_speech(opened) -> None:
    page = opened('<button id="go">Go</button>')
    page.evaluate("""() => {
      window.most = 0;
      const mesh = { morphTargetDictionary: { jawOpen: 0 }, morphTargetInfluences: [0] };
      window.mesh = mesh;
      const lips = adapters.arkit(mesh);
      document.getElementById("go").onclick = () => ttsService.speakStreaming("Papa.", null, null, {
        ...lips,
        onFrame: (frame) => {
          lips.onFrame(frame);
          window.most = Math.max(window.most, mesh.morphTargetInfluences[0]);
        },
      }).then(() => { window.done = true; }, (error) => { window.done = `${error}`; });
    }""")
    page.click("#go")
    until(page, "window.done")
    assert page.evaluate("window.done") is True
    assert page.evaluate("window.most") > 0.4
    assert page.evaluate("window.mesh.morphTargetInfluences") == [0]
