/** Checks operator placement on WebGPU for all dtypes, whose shaders SwiftShader compiles slowly. */
import { itStaysOnTheDevice } from "./placement.js";

itStaysOnTheDevice(["q8", "fp32", "fp16", "q4"]);
