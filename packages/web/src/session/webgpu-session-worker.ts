/** The worker of a session on WebGPU. */
import * as ort from "onnxruntime-web/webgpu";
import { serveSession } from "./serve-session.js";

serveSession(ort);
