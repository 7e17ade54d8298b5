/** Checks operator placement on WebGPU for the dtypes that `placement.test.ts` omits because SwiftShader compiles their shaders slowly. */
import { itStaysOnTheDevice } from "./placement.js";

itStaysOnTheDevice(["fp32", "fp16", "q4"]);
