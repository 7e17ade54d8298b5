export { createMetrics } from "./metrics.js";
export { serve, ServeError, type ServeErrorCode, type ServeOptions, type RunningServer } from "./serve.js";
