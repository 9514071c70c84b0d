// The page's request as code that can be pasted: into a shell, a web page, a Python file.

/** @typedef {Record<string, string | number>} Fields what the request says beside its text */

const SHELL = "curl", PAGE = "JavaScript", FETCH = "fetch", PYTHON = "Python";
export const LANGUAGES = [SHELL, PAGE, FETCH, PYTHON];

/**
 * @param {string} language one of LANGUAGES
 * @param {URL} api
 * @param {{text: string, fields: Fields, format: string, key: boolean}} request
 */
export function command(language, api, { text, fields, format, key }) {
  const body = { text, ...fields, format }, generate = new URL("generate", api).href;
  if (language === SHELL) {
    // The only character that would end the quotes of a shell.
    const json = JSON.stringify(body).replaceAll("'", "\\u0027");
    return [`curl -sS --fail-with-body '${generate}'`, key && `-H "Authorization: Bearer $TTS_API_KEY"`, "-H 'Content-Type: application/json'", `-d '${json}' -o speech.${format}`].filter(Boolean).join(" \\\n  ");
  }
  if (language === FETCH) {
    const headers = ['"Content-Type": "application/json"', key && '"Authorization": `Bearer ${key}`'].filter(Boolean).join(", ");
    return `const answer = await fetch("${generate}", {\n  method: "POST",\n  headers: { ${headers} },\n  body: JSON.stringify(${literal(body)}),\n});\nif (!answer.ok) throw new Error((await answer.json()).detail);\nconst audio = await answer.blob();`;
  }
  if (language === PAGE) {
    const set = key ? "\nttsService.headers = { Authorization: `Bearer ${key}` };" : "";
    return `import { ttsService } from "${new URL("client/tts.js", api).href}";\n${set}\nbutton.onclick = () => ttsService.speakStreaming(\n  ${JSON.stringify(text)},\n  ({ viseme, timeMs }) => face.show(viseme),\n  ({ playedMs, durationMs }) => bar.show(playedMs, durationMs),\n  ${literal({ ...fields, format })},\n);`;
  }
  const options = Object.entries({ ...fields, format }).map(([name, value]) => `, ${name}=${JSON.stringify(value)}`).join("");
  // The client takes a key from the environment by itself.
  const note = key ? "  # with the key in TTS_API_KEY" : "";
  return `from litestar_tts.client import TTSClient\n\nwith TTSClient("${api.href.replace(/\/$/, "")}") as client, open("speech.${format}", "wb") as file:${note}\n    for chunk in client.stream_audio(${JSON.stringify(text)}${options}):\n        file.write(chunk)`;
}

/** @param {Record<string, unknown>} value */
const literal = (value) => `{ ${Object.entries(value).map(([name, one]) => `${name}: ${JSON.stringify(one)}`).join(", ")} }`;
