/** The worker of a session on WebAssembly: ONNX Runtime's plain build, half the size of the one for WebGPU. */
import { env, InferenceSession, Tensor } from "onnxruntime-web/wasm";
import { serveSession } from "./ort-session.js";

serveSession({ env, InferenceSession, Tensor });
