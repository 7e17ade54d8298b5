/** A process of its own that loads a model: its source, then options as JSON; writes what became of it. */
import { ChineseCLIPModel } from "../../dist/index.js";

const [source = "", options = "{}"] = process.argv.slice(2);
try {
  const model = await ChineseCLIPModel.fromPretrained(source, JSON.parse(options));
  console.log(JSON.stringify({ projectionDim: model.config.projectionDim }));
} catch (error) {
  console.log(JSON.stringify({ code: error.code, message: error.message }));
}
