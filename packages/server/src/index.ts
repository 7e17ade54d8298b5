export { createHandler, type Handler } from "./handler.js";
export type { ServerLimits } from "./limits.js";
export type { HandlerOptions, PageFile, PixelSize, RequestRecord, ServedImage, ServedIndex, ServerMetrics } from "./options.js";
export { ServerError, type ServerErrorCode, type ServerErrorType } from "./server-error.js";
