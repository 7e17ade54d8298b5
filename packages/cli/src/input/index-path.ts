/**
 * Where a command's image index is: `--index`, else what the environment names, else one place for each user.
 */
import { homedir } from "node:os";
import { join } from "node:path";
import { t } from "../translation/translate.js";
import { type CommandOptions, type OptionValues, setting, stringValue, UsageError } from "../option.js";

/** Which index. */
export const INDEX_OPTION: CommandOptions<"index"> = {
  index: setting(
    "folder",
    "the image index (default: $CHINESE_CLIP_INDEX, else one in your data folder)",
    "图片索引所在文件夹（默认取环境变量 CHINESE_CLIP_INDEX，否则在用户数据目录中）",
  ),
};

/** @throws UsageError - no index is named, and there is no home folder for one. */
export function indexPath(values: OptionValues, env: Readonly<Record<string, string | undefined>> = process.env): string {
  const named = stringValue(values, "index") ?? env["CHINESE_CLIP_INDEX"];
  if (named !== undefined && named !== "") return named;
  const folder = dataFolder(env, process.platform);
  if (folder === undefined) throw new UsageError(t`--${"index"} is needed; see --help`);
  return join(folder, "chinese-clip", "index");
}

/** Where programs store a user's data; undefined where there is no home folder. */
export function dataFolder(env: Readonly<Record<string, string | undefined>>, platform: NodeJS.Platform): string | undefined {
  const home = env["HOME"] || env["USERPROFILE"] || homeOfUser();
  if (platform === "win32" && env["LOCALAPPDATA"]) return env["LOCALAPPDATA"];
  if (platform !== "darwin" && env["XDG_DATA_HOME"]) return env["XDG_DATA_HOME"];
  if (home === undefined) return undefined;
  if (platform === "win32") return join(home, "AppData", "Local");
  return platform === "darwin" ? join(home, "Library", "Application Support") : join(home, ".local", "share");
}

function homeOfUser(): string | undefined {
  try {
    return homedir();
  } catch {
    return undefined; // a user that the system does not know, as in some containers
  }
}
