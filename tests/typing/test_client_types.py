"""The types of the browser client, as they are shipped and as a page's author uses them."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "litestar_tts" / "static"
TOOLS = ROOT / "node_modules" / ".bin"
BY_HAND = ("types.d.ts", "tts-internal.d.ts")

pytestmark = pytest.mark.skipif(
    not (TOOLS / "tsc").exists() and not (os.environ.get("CI") and shutil.which("npm")),
    reason="the JavaScript tools are not installed; `npm install` gets them",
)

GOOD = """
import { TTSService, TTSError, blendVisemes, ttsService } from "./tts.js";
import { FrameReader } from "./tts-decoders.js";
import type { SpeechStats, VisemeEvent, Voice } from "./types.js";

const service: TTSService = new TTSService({ baseURL: "/tts/", headers: () => ({ Authorization: "Bearer x" }) });
const voices: Voice[] = await service.listVoices({ language: "en" });
const stats: SpeechStats = await ttsService.speakStreaming(
  "Hello", (viseme: VisemeEvent) => console.log(viseme.index, viseme.timeMs), null,
  { voice: voices[0].id, visemes: "oculus", onFrame: ({ blend }) => console.log(blend.aa), interrupt: true },
);
service.addEventListener("word", ({ detail }) => console.log(detail.text.toUpperCase()));
const text: string = await service.generateCaptions("Hello", { format: "vtt" });
const { captions } = await service.generateCaptions("Hello", { format: "json" });
const weights: Float32Array = blendVisemes([{ timeMs: 0, index: 1 }], stats.durationMs, 17);
for (const frame of new FrameReader(TTSError).push(new Uint8Array())) console.log(frame.timeMs, text);
console.log(captions[0].start, weights[0]);
try {
  await service.speak("Hello");
} catch (error) {
  if (error instanceof TTSError && error.code === "http") console.log(error.retryAfter?.toFixed());
}
"""

WRONG = [
    "ttsService.speakStreaming(5);",
    "ttsService.speakStreaming('a', null, null, { format: 'ogg' });",
    "ttsService.speakStreaming('a', null, null, { visems: 'oculus' });",
    "ttsService.addEventListener('viseme', ({ detail }) => detail.nonsense);",
    "const code: 'nothing' = new TTSError('http', 'x').code;",
    "blendVisemes([{ time: 0, index: 1 }], 0, 17);",
]

OPTIONS = {
    "compilerOptions": {
        "target": "es2022", "module": "es2022", "moduleResolution": "bundler", "lib": ["es2022", "dom", "dom.iterable"],
        "types": [], "strict": True, "noEmit": True,
    }
}  # fmt: skip


def run(*command: str, cwd: Path = ROOT) -> tuple[int, str]:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=100)
    return done.returncode, done.stdout + done.stderr


def tsc(*arguments: str, cwd: Path = ROOT) -> tuple[int, str]:
    return run(str(TOOLS / "tsc"), *arguments, cwd=cwd)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The client without the types that are made from it: the compiler would believe them."""
    static = tmp_path / "litestar_tts" / "static"
    shutil.copytree(STATIC, static, ignore=shutil.ignore_patterns("*.d.ts"))
    for name in BY_HAND:
        shutil.copy(STATIC / name, static)
    for name in ("tsconfig.json", "tsconfig.types.json"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def test_the_client_is_typed(copy: Path) -> None:
    status, said = tsc(cwd=copy)
    assert status == 0, said


def test_shipped_types_are_those_of_the_code(copy: Path) -> None:
    tsc("--project", "tsconfig.types.json", cwd=copy)
    made = copy / "litestar_tts" / "static"
    names = {file.relative_to(made).as_posix() for file in made.rglob("*.d.ts")}
    assert "tts.d.ts" in names
    stale = [name for name in sorted(names) if (made / name).read_text() != (STATIC / name).read_text()]
    assert stale == [], "run `npm run types`"


def test_a_page_is_typed(tmp_path: Path) -> None:
    shutil.copytree(STATIC, tmp_path, ignore=shutil.ignore_patterns("*.js", "*.css", "*.html"), dirs_exist_ok=True)
    (tmp_path / "tsconfig.json").write_text(json.dumps({**OPTIONS, "files": ["good.ts"]}))
    (tmp_path / "good.ts").write_text(GOOD)
    status, said = tsc(cwd=tmp_path)
    assert status == 0, said
    lines = [f"/* {n} */ {line}" for n, line in enumerate(WRONG)]
    (tmp_path / "good.ts").write_text("\n".join([*GOOD.splitlines()[:4], *lines]))
    status, said = tsc(cwd=tmp_path)
    assert status != 0
    for number, line in enumerate(WRONG, 5):
        assert f"good.ts({number}," in said, f"the compiler let this pass: {line}"


def test_the_code_is_clean() -> None:
    status, said = run(str(TOOLS / "biome"), "lint", "--error-on-warnings")
    assert status == 0, said
