// Prints the cosine of an image's embedding on WebGPU with the CPU's; the environment chooses the GPU.
import { fileURLToPath } from "node:url";
import { ChineseCLIP } from "@chinese-clip/node";

const folder = fileURLToPath(new URL("../../../examples/demo-checkpoint", import.meta.url));
const image = { data: Uint8Array.from({ length: 3 * 64 * 64 }, (_, i) => (i * i * 7) % 251), width: 64, height: 64, channels: 3 };
const embed = async (device) => {
  const clip = await ChineseCLIP.fromPretrained(folder, { device, sessionOptions: { logSeverityLevel: 3 } });
  const { data } = await clip.embedImage([image]);
  await clip.dispose();
  return data;
};
const [cpu, gpu] = [await embed("cpu"), await embed("webgpu")];
console.log(cpu.reduce((sum, value, i) => sum + value * gpu[i], 0));
