/**
 * Chinese for the errors of models, images, hubs and searches, by code, made from the error's `details`. Where one code has many causes, the English
 * message stands in parentheses as the technical detail.
 */
import type { CheckpointErrorCode } from "@chinese-clip/model";
import type { OutputErrorCode } from "@chinese-clip/pipeline/node";
import type { ClassifierErrorCode } from "@chinese-clip/pipeline/classifier";
import type { TemplateErrorCode } from "@chinese-clip/pipeline/zero-shot";
import type { SearchErrorCode } from "@chinese-clip/search";
import type { ServeErrorCode } from "@chinese-clip/server/node";
import type { HubErrorCode, ImageErrorCode, InferenceErrorCode, TokenizerErrorCode, WorkerError } from "@chinese-clip/node";

/** What an error carries. */
export interface ErrorFacts {
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/** Makes the sentence of one code. */
export type ErrorSentence = (facts: ErrorFacts) => string;

type Sentences<Code extends string> = Readonly<Record<Code, ErrorSentence>>;

/** The first of some details that is there, and a colon; nothing where none is. */
function about({ details }: ErrorFacts, ...names: readonly string[]): string {
  const value = names.map((name) => details[name]).find((one) => typeof one === "string" && one !== "");
  return value === undefined ? "" : `${detailText(value)}：`;
}

/** A detail as text: details are strings, numbers and lists of these. */
export function detailText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(detailText).join(", ")}]`;
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? String(value) : "?";
}

/** One of an error's details as text. */
function of({ details }: ErrorFacts, name: string): string {
  return detailText(details[name]);
}

/** The English message in parentheses. */
const reason = ({ message }: ErrorFacts): string => `（${message}）`;

/** `CheckpointError`. */
export const CHECKPOINT_ZH: Sentences<CheckpointErrorCode> = {
  malformed: (facts) => `${about(facts, "file")}文件不完整，或不是应有的格式${reason(facts)}`,
  "forbidden-global": (facts) => `${about(facts, "file")}其中的 pickle 要求调用 ${of(facts, "global")}，权重并不需要它；没有执行任何代码`,
  "invalid-config": (facts) => `${about(facts, "file", "key")}配置有误${reason(facts)}`,
  "missing-file": (facts) => `${about(facts, "source", "path")}缺少模型文件，或不是模型${reason(facts)}`,
  unreadable: (facts) => `${about(facts, "file")}无法读取（${of(facts, "errno")}）；请检查权限`,
  "missing-tensor": (facts) => `${about(facts, "file")}缺少张量 ${of(facts, "tensor")}，形状应为 ${of(facts, "expected")}`,
  "shape-mismatch": (facts) =>
    `${about(facts, "file")}张量 ${of(facts, "tensor")} 的形状应为 ${of(facts, "expected")}，实际是 ${of(facts, "actual")}`,
  "unsupported-dtype": (facts) => `${about(facts, "file")}无法使用这样的 dtype${reason(facts)}`,
  "unsupported-graph": (facts) => `${about(facts, "file")}ONNX 图不是本模型的导出${reason(facts)}`,
  "vocabulary-mismatch": (facts) =>
    `词表有 ${of(facts, "actual")} 项，而文本塔的词嵌入只有 ${of(facts, "expected")} 项：两者来自不同的模型`,
};

/** `HubError`. */
export const HUB_ZH: Sentences<HubErrorCode> = {
  offline: (facts) =>
    `${about(facts, "source", "url")}缓存中没有，而且当前不允许联网。请先联网加载一次，或用 HF_HUB_CACHE、--cache-dir 指定已有它的缓存`,
  "not-found": (facts) => `${about(facts, "url", "file")}hub 上没有这个模型、版本或文件。请检查模型名与版本`,
  unauthorized: (facts) =>
    `${about(facts, "url")}没有权限：模型可能是私有的、需要申请，或并不存在。请检查名称，在其主页接受条款，并设置 HF_TOKEN`,
  "rate-limited": (facts) => `${about(facts, "url")}请求过多，请稍后再试，或设置 HF_TOKEN，或把 HF_ENDPOINT 设为镜像`,
  server: (facts) => `${about(facts, "url")}服务器出错，或不是 hub${reason(facts)}。请稍后再试，或用 --endpoint 指定镜像`,
  network: (facts) =>
    `${about(facts, "url", "file")}连接失败或中断${reason(facts)}。可用 --endpoint 指定镜像，用 HTTPS_PROXY 设置代理，或改用 modelscope:owner/name`,
  integrity: (facts) =>
    facts.details["path"] !== undefined
      ? `${about(facts, "path")}缓存中的这个文件已损坏：${of(facts, "byteLength")} 字节的内容与文件名（散列值）不符。请联网加载一次，会重新下载`
      : `${about(facts, "url", "file")}收到的内容不是应有的文件，没有保存${reason(facts)}。请重试，或更换镜像`,
  disk: (facts) => `${about(facts, "path")}磁盘空间不足。请清理空间，或用 HF_HUB_CACHE、--cache-dir 指定其他磁盘`,
  cache: (facts) =>
    facts.details["path"] === undefined
      ? "缓存需要用户主目录，但没有设置 HOME，系统也不认识当前用户。请用 HF_HUB_CACHE 或 --cache-dir 指定文件夹"
      : `${about(facts, "path")}缓存无法读写${reason(facts)}。请用 HF_HUB_CACHE 或 --cache-dir 指定可写的文件夹`,
};

/** `ImageError`. */
export const IMAGE_ZH: Sentences<ImageErrorCode> = {
  "invalid-config": (facts) => `${about(facts, "file", "key")}图像预处理的配置有误${reason(facts)}`,
  "unsupported-resample": (facts) => `只支持双三次插值（resample 3），配置中是 ${of(facts, "resample")}`,
  "invalid-image": (facts) => `${about(facts, "source")}图片无法解码${reason(facts)}`,
  "too-large": (facts) => {
    const { width, height, maxPixels, maxBytes, byteLength } = facts.details;
    if (maxPixels !== undefined)
      return `${about(facts, "source")}图片过大：${detailText(width)} × ${detailText(height)}，最多 ${detailText(maxPixels)} 像素`;
    if (maxBytes !== undefined)
      return `${about(facts, "source")}图片过大：${detailText(byteLength)} 字节，最多 ${detailText(maxBytes)} 字节`;
    return `${about(facts, "source")}图片过大${reason(facts)}`;
  },
  truncated: (facts) => `${about(facts, "source")}图片不完整，文件末尾缺失`,
  "unknown-format": (facts) => `${about(facts, "source")}不是支持的图片格式（PNG、JPEG、WebP、GIF、BMP、TIFF、AVIF）`,
  "out-of-resources": (facts) =>
    `${about(facts, "source")}暂时无法读取（${of(facts, "errno")}）：进程打开的文件过多或内存不足，不是图片的问题。请提高限制（ulimit -n），或减少同时运行的任务`,
  unreadable: (facts) =>
    facts.details["errno"] === "ENOENT" ? `${about(facts, "source")}没有这个文件` : `${about(facts, "source")}无法读取${reason(facts)}`,
};

/** `TokenizerError`. */
export const TOKENIZER_ZH: Sentences<TokenizerErrorCode> = {
  malformed_line: (facts) => `${about(facts, "where")}应为一个词，实际是 ${of(facts, "got")}`,
  duplicate_token: (facts) => `${about(facts, "where")}词重复出现${reason(facts)}`,
  missing_token: (facts) => `${about(facts, "where")}词表缺少特殊词${reason(facts)}`,
  invalid_id: (facts) => `${about(facts, "where")}编号应从 0 起连续且不重复${reason(facts)}`,
  invalid_json: (facts) => `${about(facts, "where")}不是 JSON${reason(facts)}`,
  invalid_field: (facts) => `${about(facts, "where")}字段有误${reason(facts)}`,
  unsupported: (facts) => `${about(facts, "where")}不是 BERT 的 WordPiece 分词器${reason(facts)}`,
};

/** `SearchError`. */
export const SEARCH_ZH: Sentences<SearchErrorCode> = {
  "missing-file": (facts) => `${about(facts, "file")}没有这个文件，或无法读取${reason(facts)}`,
  "no-rows": (facts) => `${about(facts, "file")}里面没有数据`,
  "no-features": (facts) => `${about(facts, "file")}里面没有特征；每行应形如 {"image_id": 1, "feature": […]}`,
  "npy-format": (facts) => `${about(facts, "file")}应为按行存储的 float32 .npy（descr '<f4'，C 顺序）；请用 array.astype('float32') 另存`,
  "npy-truncated": (facts) => `${about(facts, "file")}文件不完整；请重新复制或重新提取`,
  "invalid-line": (facts) => `${lineOf(facts)}应为 embed 写出的 JSON 对象 {…}`,
  "invalid-feature": (facts) => `${lineOf(facts)}应有字段“feature”，其值为有限数值的列表`,
  "dimension-mismatch": (facts) =>
    `${lineOf(facts)}其中的特征是 ${of(facts, "actual")} 维，而模型是 ${of(facts, "expected")} 维：来自另一个模型。请用 --model 指定那个模型，或重新提取`,
  "fingerprint-mismatch": (facts) => `${about(facts, "file")}其中的特征来自另一个模型${reason(facts)}`,
  "non-finite": (facts) => `${about(facts, "file")}特征中有 NaN 或无穷大${reason(facts)}`,
  "invalid-id": (facts) => `编号有误${reason(facts)}`,
  "invalid-filter": (facts) => `筛选条件有误：${of(facts, "text")}`,
  "empty-part": (facts) => `查询的每一项应为文本或 @文件，${of(facts, "text")} 中有空的一项`,
  "zero-weight": (facts) => `查询的权重应大于 0，实际是 ${of(facts, "text")}`,
  "unterminated-quote": (facts) => `查询中的引号没有成对：${of(facts, "text")}`,
  "zero-query": () => "查询的各项互相抵消，请修改权重",
  "damaged-index": (facts) => `${about(facts, "file")}索引已损坏${reason(facts)}`,
  "foreign-index": (facts) => `${about(facts, "file")}不是索引文件，或由更新的版本写成${reason(facts)}`,
  locked: (facts) => `${about(facts, "file")}进程 ${of(facts, "owner")} 正在写入；请等它结束，若没有这个进程，请删除该文件`,
  "read-only": () => "索引是以只读方式打开的",
  closed: () => "索引已关闭",
  incomplete: (facts) => `部分索引没有应答：${of(facts, "missing")}${reason(facts)}`,
  unavailable: (facts) => `${about(facts, "url")}服务没有应答，或应答有误${reason(facts)}`,
  rejected: (facts) => `${about(facts, "url")}服务拒绝了请求${reason(facts)}`,
};

/** The file and the line, where they are known. */
function lineOf({ details: { file, line } }: ErrorFacts): string {
  if (file === undefined) return "";
  return line === undefined ? `${detailText(file)}：` : `${detailText(file)}，第 ${detailText(line)} 行：`;
}

/** `InferenceError`. */
export const INFERENCE_ZH: Sentences<InferenceErrorCode> = {
  "load-failed": (facts) => `ONNX Runtime 无法加载模型${reason(facts)}`,
  "run-failed": (facts) => `ONNX Runtime 运行模型时出错${reason(facts)}`,
  "not-finite": () => "模型输出不是有限数：权重中有 NaN 或无穷大，或该精度不适用于此模型",
  "weights-changed": ({ details: { file } }) =>
    `权重文件在加载后被改动${file === undefined ? "" : `：${detailText(file)}`}；请重新加载模型`,
};

/** `ServeError`. */
export const SERVE_ZH: Sentences<ServeErrorCode> = {
  "key-required": (facts) => `${about(facts, "host")}其他机器也能访问这个地址，需要密钥：请加 --api-key，或改为监听 127.0.0.1`,
  "address-in-use": (facts) => `${about(facts, "host")}端口 ${of(facts, "port")} 已被占用；请用 --port 换一个`,
  "address-unavailable": (facts) => `${about(facts, "host")}无法监听端口 ${of(facts, "port")}；请检查地址与权限`,
};

/** `TemplateError`. */
export const TEMPLATE_ZH: Sentences<TemplateErrorCode> = {
  "no-templates": (facts) => `${lineOf(facts)}里面没有模板；请每行写一个，用 {} 标出标签的位置`,
  "no-placeholder": (facts) => `${lineOf(facts)}请用 {}（或 {c}）标出标签的位置，实际是 ${of(facts, "got")}`,
  "not-strings": (facts) => `${lineOf(facts)}应为用逗号分隔的字符串，实际是 ${of(facts, "got")}`,
};

/** `ClassifierError`. */
export const CLASSIFIER_ZH: Sentences<ClassifierErrorCode> = {
  "not-json": (facts) => `${lineOf(facts)}应为 JSON 格式的分类器；文件是否不完整，或选错了文件？`,
  "not-a-classifier": (facts) => `${lineOf(facts)}不是分类器，而是其他 JSON`,
  "unsupported-version": (facts) => `${lineOf(facts)}分类器的版本应为 ${of(facts, "expected")}，实际是 ${of(facts, "got")}；请升级本程序`,
  "invalid-field": (facts) => `${lineOf(facts)}分类器的字段 ${of(facts, "field")} 不符合要求，实际是 ${of(facts, "got")}`,
  "too-large": (facts) => `${lineOf(facts)}分类器过大，上限是 ${of(facts, "expected")}`,
  "other-model": (facts) =>
    `分类器是用另一个模型（${of(facts, "expected")}）得到的，现在的模型是 ${of(facts, "got")}；请使用那个模型，或重新拟合`,
};

/** `WorkerError`. */
export const WORKER_ZH: Sentences<WorkerError["code"]> = {
  crashed: (facts) => `工作线程异常退出${reason(facts)}`,
  disposed: () => "模型已释放",
};

/** For files that are written. */
export const OUTPUT_ZH: Sentences<OutputErrorCode> = {
  "disk-full": (facts) => `${about(facts, "path")}磁盘已满（${of(facts, "errno")}）。请清理该磁盘，或改为写到另一块磁盘上的文件夹`,
  "not-writable": (facts) => `${about(facts, "path")}无法写入（${of(facts, "errno")}）。请检查权限，或改为写到其他文件夹`,
};
