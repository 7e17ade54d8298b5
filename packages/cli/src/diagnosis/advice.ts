/**
 * What to do about a machine's state, in words.
 */
import type { Bilingual } from "../translation/translate.js";
import type { Diagnosis } from "./diagnose.js";

/** One piece of advice. */
export interface Advice extends Bilingual {
  /** `problem`: nothing works before it is mended; `hint`: it could be better. */
  readonly kind: "problem" | "hint";
}

/** Oldest Node that is supported. */
const OLDEST: readonly [major: number, minor: number] = [20, 19];
/** Bytes that a base model in float32 takes when it is loaded. */
const BASE_MODEL_BYTES = 1.5e9;

/** Problems first. */
export function adviseOn(state: Diagnosis): Advice[] {
  return [...problemsOf(state), ...speedHints(state), ...networkHints(state)];
}

function problemsOf({ node, runtime, cache }: Diagnosis): Advice[] {
  const advice: Advice[] = [];
  const problem = (en: string, zh: string): void => void advice.push({ kind: "problem", en, zh });
  const [major = 0, minor = 0] = node.split(".").map(Number);
  if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
    problem(`Node ${node} is too old: install 20.19 or newer`, `Node ${node} 版本过旧，请安装 20.19 或更新的版本`);
  }
  if ("error" in runtime) {
    problem(
      `ONNX Runtime or sharp does not load (${runtime.error}): install the package again on this machine, with optional dependencies`,
      `ONNX Runtime 或 sharp 无法加载（${runtime.error}）：请在本机重新安装，不要省略 optional 依赖`,
    );
  }
  if (cache.folder === undefined) {
    problem(
      "no home folder: HOME is not set, and the system does not know this user; set HF_HUB_CACHE to a folder for models",
      "没有主目录：HOME 未设置，系统也不认识当前用户；请把 HF_HUB_CACHE 设为存放模型的文件夹",
    );
  } else if (!cache.writable) {
    problem(
      `the cache ${cache.folder} cannot be written: set HF_HUB_CACHE to a folder that can, or mend its permissions`,
      `缓存 ${cache.folder} 不可写：请把 HF_HUB_CACHE 设为可写的文件夹，或修改权限`,
    );
  }
  return advice;
}

function speedHints({ processor: { instructionSets: sets, threads }, memory, runtime }: Diagnosis): Advice[] {
  const advice: Advice[] = [];
  const hint = (en: string, zh: string): void => void advice.push({ kind: "hint", en, zh });
  if (sets !== undefined) {
    const int8 = sets.filter((name) => ["AVX-VNNI", "AVX-512 VNNI", "AMX", "I8MM", "NEON dot product"].includes(name));
    if (int8.length > 0) {
      hint(
        `${int8.join(", ")}: this processor multiplies int8 natively, so --dtype q8 is likely the fastest; see with compare what it changes`,
        `${int8.join("、")}：处理器原生支持 int8 乘法，--dtype q8 通常最快；可用 compare 查看差别`,
      );
    } else {
      hint(
        "no int8 instructions (VNNI, AMX): --dtype q8 saves memory here, and may not be faster than fp32",
        "没有 int8 指令（VNNI、AMX）：--dtype q8 可省内存，但不一定比 fp32 快",
      );
    }
  }
  if (threads <= 2) {
    hint(`${threads} threads: one process at a time is fastest`, `只有 ${threads} 个线程：同时只运行一个进程最快`);
  }
  if (memory.total < 2 * BASE_MODEL_BYTES) {
    hint("little memory: prefer --dtype q8 or q4, or a base model", "内存较少：建议使用 --dtype q8 或 q4，或 base 模型");
  }
  if (!("error" in runtime) && runtime.devices.some((name) => name !== "cpu")) {
    const others = runtime.devices.filter((name) => name !== "cpu").join(", ");
    hint(
      `--device can also be ${others} in this build; each needs its driver and libraries, and says so where they are missing`,
      `此版本的 --device 还可为 ${others}，均需相应驱动与库，缺少时会给出提示`,
    );
  }
  return advice;
}

function networkHints({ offline, endpoints, cache }: Diagnosis): Advice[] {
  const advice: Advice[] = [];
  const hint = (en: string, zh: string): void => void advice.push({ kind: "hint", en, zh });
  if (offline) hint("offline by HF_HUB_OFFLINE: only models in the cache can be loaded", "已设 HF_HUB_OFFLINE：只能加载缓存中的模型");
  const [huggingFace, modelScope] = endpoints;
  if (huggingFace?.reachable === false) {
    if (modelScope?.reachable === true) {
      hint(
        "Hugging Face does not answer and ModelScope does: name models as modelscope:owner/name, or set HF_ENDPOINT to a mirror",
        "Hugging Face 连不上而 ModelScope 可用：模型可写作 modelscope:owner/name，或把 HF_ENDPOINT 设为镜像",
      );
    } else {
      hint(
        "no hub answers: set HTTPS_PROXY to a proxy or HF_ENDPOINT to a mirror, or copy a model's folder to this machine and name its path",
        "两个 hub 都连不上：可设置 HTTPS_PROXY 代理或 HF_ENDPOINT 镜像，或把模型文件夹拷贝到本机并使用其路径",
      );
    }
  }
  if (cache.models.length === 0 && !offline) {
    hint(
      "no model in the cache: chinese-clip download OFA-Sys/chinese-clip-vit-base-patch16",
      "缓存中没有模型：chinese-clip download OFA-Sys/chinese-clip-vit-base-patch16",
    );
  }
  return advice;
}
