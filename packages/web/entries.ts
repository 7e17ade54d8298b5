/** The package's files: what is imported, and the workers that it starts, each a file of its own for bundlers to find. */
export const entry: Record<string, string> = {
  index: "src/index.ts",
  "session-worker": "src/session/session-worker.ts",
  "webgpu-session-worker": "src/session/webgpu-session-worker.ts",
  "image-worker": "src/image/image-worker.ts",
};
