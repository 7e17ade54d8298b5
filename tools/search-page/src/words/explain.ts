/**
 * Errors in the language of the page, by their codes. The backend's own message, in English, stays available as a detail.
 */
import type { BackendErrorCode } from "../backend.js";
import type { Language } from "./language.js";

/** What a visitor is told. */
export interface Explanation {
  readonly text: string;
  /** The backend's message, in English. */
  readonly detail: string;
}

const REASONS: Readonly<Record<Language, Readonly<Record<BackendErrorCode | "other", string>>>> = {
  zh: {
    unreachable: "连不上服务器。它可能已经停止，或网络中断。",
    busy: "服务器正忙，请稍等。",
    server: "服务器出错，请稍后再试。",
    unauthorized: "密钥不正确，或没有访问权限。",
    "invalid-query": "这样写无法搜索：每个加号、减号后面要有内容，引号要成对。",
    "invalid-filter": "筛选条件无法理解，请检查路径的写法。",
    "not-found": "这张图片已经不在索引里了。",
    "unreadable-image": "这个文件不是能读取的图片。",
    rejected: "服务器不接受这个请求。",
    other: "出现了意外的错误。",
  },
  en: {
    unreachable: "The server cannot be reached. It may have stopped, or the network is down.",
    busy: "The server is busy. One moment, please.",
    server: "The server failed. Try again later.",
    unauthorized: "The key is wrong, or it does not give access.",
    "invalid-query": "This cannot be searched for: something has to follow each plus and minus, and quotes come in pairs.",
    "invalid-filter": "The filter cannot be understood. Check how the path is written.",
    "not-found": "This image is no longer in the index.",
    "unreadable-image": "This file is not an image that can be read.",
    rejected: "The server does not accept this request.",
    other: "An unexpected error occurred.",
  },
};

/** Explains an error. */
export function explain(error: unknown, language: Language): Explanation {
  const { code, message } = (typeof error === "object" && error !== null ? error : {}) as Readonly<Record<string, unknown>>;
  const reasons = REASONS[language];
  const text = Object.hasOwn(reasons, String(code)) ? reasons[code as BackendErrorCode] : reasons.other;
  return { text, detail: typeof message === "string" ? message : String(error) };
}
