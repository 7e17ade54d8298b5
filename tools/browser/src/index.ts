export { chromiumPath, startBrowser } from "./chromium.js";
export { type Answered, ModelServer, type ServerOptions } from "./model-server.js";
