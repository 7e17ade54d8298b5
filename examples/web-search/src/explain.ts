/**
 * Errors in the language of the page, by their codes. The English message of the library stays available as a detail.
 */
import { BackendError, type Explanation, type Language } from "@chinese-clip/search-page";

/** By `code` of HubError, CheckpointError, TokenizerError, ImageError and WorkerError, else by the error's name. */
const REASONS: Readonly<Record<Language, Readonly<Record<string, string>>>> = {
  zh: {
    offline: "当前不允许联网，缓存里也没有这个模型。",
    "not-found": "没有找到这个模型或文件，请检查名称或网址。",
    "missing-file": "这个地址没有模型文件（config.json、词表、权重），请检查名称或网址。",
    unauthorized: "没有访问权限：模型可能是私有的，或需要先申请。",
    "rate-limited": "请求太频繁，请稍后再试。",
    server: "服务器出错，请稍后再试。",
    network: "网络中断，或服务器不允许本页访问（CORS）。已下载的部分会保留，可以重试。",
    integrity: "文件在传输中损坏，或在服务器上被替换。请重新加载。",
    disk: "浏览器给本页的存储空间不够，请清理后重试。",
    cache: "浏览器缓存无法读写。",
    crashed: "后台线程中断，可能是内存不足。请重试，或换用更小的数据类型（q8、q4）。",
    sample: "示例图片无法下载，请检查网络后重试。",
    RangeError: "无法识别的模型名称或网址。",
    TypeError: "无法识别的模型名称或网址。",
    QuotaExceededError: "浏览器给本页的存储空间不够，请清理后重试。",
    other: "模型文件无法使用：它可能不是 Chinese-CLIP，或已损坏。",
  },
  en: {
    offline: "No request is allowed, and the model is not in the cache.",
    "not-found": "The model or file was not found. Check its name or address.",
    "missing-file": "There are no model files (config.json, vocabulary, weights) at this address. Check the name or address.",
    unauthorized: "Access denied: the model may be private or gated.",
    "rate-limited": "Too many requests. Try again later.",
    server: "The server failed. Try again later.",
    network: "The connection failed, or the server does not allow this page (CORS). Downloaded parts are cached; try again.",
    integrity: "A file was damaged in transit, or replaced on the server. Load the model again.",
    disk: "The browser grants this page too little storage. Free some and try again.",
    cache: "The browser's cache cannot be read or written.",
    crashed: "The worker crashed, maybe for lack of memory. Try again, or use a smaller dtype (q8, q4).",
    sample: "The sample images could not be downloaded. Check the connection and try again.",
    RangeError: "This is no model's name or address.",
    TypeError: "This is no model's name or address.",
    QuotaExceededError: "The browser grants this page too little storage. Free some and try again.",
    other: "The model's files cannot be used: they may be damaged, or of another kind of model.",
  },
};

/** Explains an error of the model; undefined for errors of a search, which the page explains itself. */
export function explainModel(error: unknown, language: Language): Explanation | undefined {
  if (error instanceof BackendError) return undefined;
  const { code, name, message } = (typeof error === "object" && error !== null ? error : {}) as Readonly<Record<string, unknown>>;
  const reasons = REASONS[language];
  const text = reasons[String(code)] ?? reasons[String(name)] ?? reasons["other"] ?? "";
  return { text, detail: typeof message === "string" ? message : String(error) };
}
