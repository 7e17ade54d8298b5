/** Where WebGPU's graphs compute, in the number format of most pages; `placement.slow.test.ts` has the others. */
import { itStaysOnTheDevice } from "./placement.js";

itStaysOnTheDevice(["q8"]);
