/**
 * `chinese-clip download`: a hub's model into the cache, so that everything after works without a network.
 */
import { ChineseCLIP, openModel, readHubSettings } from "@chinese-clip/node";
import type { Command } from "../command.js";
import { TransferProgress } from "../terminal/transfer.js";
import { HUB_OPTIONS, pretrainedOptions } from "./loading-options.js";
import { t } from "../translation/translate.js";
import { oneOperand } from "../option.js";

/** The command. */
export const download: Command = {
  operands: "<hub name>",
  options: HUB_OPTIONS,
  examples: ["OFA-Sys/chinese-clip-vit-base-patch16", "modelscope:AI-ModelScope/chinese-clip-vit-base-patch16 --cache-dir /data/models"],

  async run(values, context, operands) {
    const { json, language, print, note } = context;
    const source = oneOperand(operands, t`a hub's name of a model, as OFA-Sys/chinese-clip-vit-base-patch16`);
    const transfer = new TransferProgress(process.stderr);
    const options = pretrainedOptions(values, context, transfer);
    const [files, fetched] = [new Set<string>(), new Set<string>()];
    const load = ChineseCLIP.fromPretrained(source, {
      ...options,
      onProgress: (event) => {
        transfer.report(event);
        if (event.status === "done") files.add(event.file);
        if (event.status === "download") fetched.add(event.file);
      },
    });
    const clip = await load.finally(() => transfer.end());
    await clip.dispose(); // loaded once, so that a file that is missing or does not fit shows now
    const zh = language === "zh";
    if (files.size === 0) {
      note(zh ? `${source} 已在本机，无需下载` : `${source} is on this machine already: nothing to fetch`);
    }
    const where = files.size === 0 ? undefined : await cacheOf(source, options.cacheDir);
    if (json) print(JSON.stringify({ source, cache: where ?? null, files: [...files], fetched: [...fetched] }, null, 2));
    else if (files.size > 0) {
      for (const file of files) print(`${fetched.has(file) ? "↓" : "✓"} ${file}`);
      print(
        zh
          ? `${fetched.size === 0 ? "缓存中已齐全" : "下载完成"}；在任何命令中使用：--model ${source}`
          : `${fetched.size === 0 ? "all in the cache already" : "done"}; use it in any command: --model ${source}`,
      );
      if (where !== undefined) note(`→ ${where}`);
    }
    return 0;
  },
};

/** The model's folder in the cache. */
async function cacheOf(source: string, cacheDir: string | undefined): Promise<string> {
  const hub = source.startsWith("modelscope:") ? "modelscope" : "hugging-face";
  const settings = await readHubSettings(hub, { cacheDir });
  const files = await openModel(source, { cacheDir, localFilesOnly: true });
  return files.folder.startsWith(settings.cacheDir) ? files.folder : settings.cacheDir;
}
