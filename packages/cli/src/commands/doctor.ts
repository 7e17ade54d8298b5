/**
 * `chinese-clip doctor`: the machine, and advice.
 */
import { homedir } from "node:os";
import { sep } from "node:path";
import type { Command, CommandContext } from "../command.js";
import { type Advice, adviseOn } from "../diagnosis/advice.js";
import { type Diagnosis, diagnose } from "../diagnosis/diagnose.js";
import { displayWidth, widest } from "../terminal/table.js";
import { formatBytes } from "../terminal/transfer.js";
import { t } from "../translation/translate.js";
import { parseCount, setting, stringValue, UsageError } from "../option.js";

/** Models of the cache that are named. */
const SHOWN = 5;

/** Longest wait for a hub. */
const MOST_SECONDS = 600;

/** The command. */
export const doctor: Command = {
  options: {
    timeout: setting("seconds", "wait for a hub (default: 5)", "等待 hub 应答的秒数（默认 5）"),
  },
  examples: ["", "--json"],

  async run(values, context) {
    const seconds = parseCount("--timeout", stringValue(values, "timeout") ?? "5");
    if (seconds > MOST_SECONDS) throw new UsageError(t`--timeout: expected at most ${MOST_SECONDS} seconds, got ${seconds}`);
    const state = await diagnose(1000 * seconds, context.signal);
    const advice = adviseOn(state);
    if (context.json) {
      context.print(JSON.stringify({ ...state, advice: advice.map(({ kind, [context.language]: text }) => ({ kind, text })) }, null, 2));
    } else printDiagnosis(state, advice, context);
    return advice.some(({ kind }) => kind === "problem") ? 1 : 0;
  },
};

/** A path below the user's folder as shells write it. */
function fromHome(path: string): string {
  const home = homeFolder();
  return home !== "" && path.startsWith(home + sep) ? `~${path.slice(home.length)}` : path;
}

/** Empty where there is none, as for a user that the system does not know. */
function homeFolder(): string {
  try {
    return homedir();
  } catch {
    return "";
  }
}

function printDiagnosis(state: Diagnosis, advice: readonly Advice[], { language, print }: CommandContext): void {
  const zh = language === "zh";
  const { node, platform, runtime, processor, memory, cache, offline, hasToken, endpoints, variables } = state;
  const rows: (readonly [string, string])[] = [["Node", `${node}, ${platform}`]];
  const add = (en: string, chinese: string, value: string): void => void rows.push([zh ? chinese : en, value]);
  if ("error" in runtime) add("runtime", "运行时", runtime.error);
  else {
    add("runtime", "运行时", `ONNX Runtime ${runtime.onnxRuntime}, sharp ${runtime.sharp} (libvips ${runtime.libvips})`);
    add("devices", "设备", runtime.devices.join(", "));
  }
  const cores = processor.cores === undefined ? "" : zh ? `${processor.cores} 核，` : `${processor.cores} cores, `;
  add("processor", "处理器", `${processor.model}${zh ? "，" : ", "}${cores}${processor.threads} ${zh ? "线程" : "threads"}`);
  const sets = processor.instructionSets;
  add("instructions", "指令集", sets === undefined ? (zh ? "未知" : "not known here") : sets.length === 0 ? "-" : sets.join(", "));
  add(
    "memory",
    "内存",
    zh
      ? `${formatBytes(memory.total)}，空闲 ${formatBytes(memory.free)}`
      : `${formatBytes(memory.total)}, ${formatBytes(memory.free)} free`,
  );
  const size = cache.bytes === undefined ? (zh ? "尚未创建" : "not made yet") : formatBytes(cache.bytes);
  if (cache.folder === undefined) add("cache", "缓存", zh ? "没有主目录" : "no home folder");
  else add("cache", "缓存", `${fromHome(cache.folder)} (${size}${cache.writable ? "" : zh ? "，不可写" : ", not writable"})`);
  if (cache.models.length > 0) {
    const more = cache.models.length - SHOWN;
    add(
      "models",
      "模型",
      cache.models.slice(0, SHOWN).join(", ") + (more > 0 ? (zh ? `，等 ${cache.models.length} 个` : ` and ${more} more`) : ""),
    );
  }
  for (const { url, reachable, milliseconds, reason } of endpoints) {
    add("network", "网络", `${url}  ${reachable ? `${milliseconds} ms` : `${zh ? "无应答" : "no answer"} (${reason})`}`);
  }
  if (offline) add("network", "网络", zh ? "离线（HF_HUB_OFFLINE）" : "offline (HF_HUB_OFFLINE)");
  if (hasToken) add("token", "令牌", zh ? "已设置" : "there is one");
  for (const [name, value] of Object.entries(variables)) add("variable", "变量", `${name}=${value}`);
  const width = widest(rows.map(([name]) => name));
  for (const [name, value] of rows) print(`${name}${" ".repeat(width - displayWidth(name))}  ${value}`);
  print(`\n${zh ? "建议" : "advice"}`);
  if (advice.length === 0) print(zh ? "  一切正常" : "  all is well");
  for (const { kind, [language]: text } of advice) print(`  ${kind === "problem" ? "✗" : "·"} ${text}`);
}
