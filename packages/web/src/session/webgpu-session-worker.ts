/** The worker of a session on WebGPU. */
import { env, InferenceSession, Tensor } from "onnxruntime-web/webgpu";
import { serveSession } from "./ort-session.js";

serveSession({ env, InferenceSession, Tensor });
