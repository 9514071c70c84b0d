import { TTSService } from "/tts/client/tts.js";

const service = new TTSService({ baseURL: new URL("/tts", location.href) });
service.healthCheck().then(({ status }) => postMessage([service.state, status]));
