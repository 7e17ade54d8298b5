export { decodeBase64, encodeBase64 } from "./base64.js";
export { openRemoteEmbedder, RemoteEmbedder, type RemoteImage } from "./remote-embedder.js";
export { openRemoteStore, RemoteStore, type RemoteStoreOptions } from "./remote-store.js";
export { decodeVector, encodeVector } from "./remote-vector.js";
export type { RemoteOptions } from "./server-client.js";
