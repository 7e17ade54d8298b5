/** Embeds a text with the options of its second argument, and has ONNX Runtime log what its session was made with. */
import process from "node:process";
import { ChineseCLIP } from "../dist/index.js";

const [, , model = "", options = "{}"] = process.argv;
const { spin, session } = JSON.parse(options);
const clip = await ChineseCLIP.fromPretrained(model, { spin, sessionOptions: { logSeverityLevel: 1, extra: { session } } });
const { dim } = await clip.embedText("猫");
await clip.dispose();
process.stdout.write(String(dim));
