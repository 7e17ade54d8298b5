/** Checks operator placement on WebGPU for q8, the default dtype. The other dtypes are in `placement.slow.test.ts`. */
import { itStaysOnTheDevice } from "./placement.js";

itStaysOnTheDevice(["q8"]);
