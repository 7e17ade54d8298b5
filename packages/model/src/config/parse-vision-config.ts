import { ModifiedResNetConfig } from "./modified-resnet-config.js";
import { ChineseCLIPVisionConfig } from "./vision-config.js";

/** An image tower's configuration; `kind` tells which. */
export type VisionConfig = ChineseCLIPVisionConfig | ModifiedResNetConfig;

/**
 * Reads the image tower of a parsed `config.json`, whichever kind it is.
 *
 * @throws {@link CheckpointError} `invalid-config`, naming the key.
 */
export function parseVisionConfig(json: unknown): VisionConfig {
  return ModifiedResNetConfig.describes(json) ? ModifiedResNetConfig.fromJSON(json) : ChineseCLIPVisionConfig.fromJSON(json);
}
