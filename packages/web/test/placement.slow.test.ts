/** Where WebGPU's graphs compute, in the number formats that `placement.test.ts` leaves out: SwiftShader takes long to compile their shaders. */
import { itStaysOnTheDevice } from "./placement.js";

itStaysOnTheDevice(["fp32", "fp16", "q4"]);
