// Uses everything that loads ONNX Runtime, in the environment that the test gives it.
import { ChineseCLIP, describeRuntime } from "../../dist/index.js";

const [model, image, dtype] = process.argv.slice(2);
await describeRuntime();
const clip = await ChineseCLIP.fromPretrained(model, { dtype });
await clip.embedText("猫");
await clip.embedImage(image);
await clip.dispose();
