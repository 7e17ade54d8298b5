/**
 * `chinese-clip serve`: a model and image indexes over HTTP, for programs that speak OpenAI's, text-embeddings-inference's or immich's API.
 */
import { basename } from "node:path";
import { imageSize } from "@chinese-clip/dataset";
import { ChineseCLIP, type Limits } from "@chinese-clip/node";
import { checkClassifierModel, type ImageClassifier } from "@chinese-clip/pipeline/classifier";
import type { Command, CommandContext } from "../command.js";
import { readClassifier } from "../input/read-classifier.js";
import { type OpenIndexes, openIndexes } from "../input/served-indexes.js";
import { TransferProgress } from "../terminal/transfer.js";
import { t } from "../translation/translate.js";
import { messageIn } from "../translation/translate-error.js";
import { HUB_OPTIONS, parseDtype, pretrainedOptions, RUN_OPTIONS } from "./loading-options.js";
import { flag, list, listValue, oneOperand, type OptionValues, setting, stringValue, UsageError } from "../option.js";

/** What an image of a request may cost. */
const IMAGE_LIMITS: Limits = { pixels: 50_000_000, encodedBytes: 32 * 2 ** 20, milliseconds: 20_000 };

/** Pixels of the longer side of a thumbnail that an index does not have, as those that it has. */
const THUMBNAIL_SIZE = 256;

/** Less than the time that an interrupted command has to end. */
const SHUTDOWN_MILLISECONDS = 6000;

const DEFAULT_PORT = 8080;

/** The command. */
export const serve: Command = {
  operands: "[model]",
  options: {
    index: list(
      "folder",
      "an index that the command index made; may be given several times (default: $CHINESE_CLIP_INDEX)",
      "index 命令建立的索引，可多次给出（默认取环境变量 CHINESE_CLIP_INDEX）",
    ),
    classifier: list(
      "file",
      "a few-shot classifier for /v1/classify, by its file's name without .json; may be given several times",
      "供 /v1/classify 使用的少样本分类器，名称为去掉 .json 的文件名；可多次给出",
    ),
    host: setting("address", "address to listen on (default: 127.0.0.1)", "监听地址（默认 127.0.0.1）"),
    port: setting("n", `port (default: ${DEFAULT_PORT}; 0: any that is free)`, `端口（默认 ${DEFAULT_PORT}，0 表示任意空闲端口）`),
    "api-key": setting(
      "key",
      "the key that callers need; a process list shows it, so rather $CHINESE_CLIP_API_KEY",
      "调用者需要的密钥；进程列表会显示它，建议改用环境变量 CHINESE_CLIP_API_KEY",
    ),
    "allow-unauthenticated": flag(
      "listen on another address without a key: every caller is trusted",
      "监听其他地址而不要密钥：信任所有调用者",
    ),
    "allow-host": list("name", "a host name that requests may come by; * for any", "允许的主机名；* 表示任意"),
    "allow-origin": list(
      "origin",
      "an origin of web pages that may call, such as https://photos.example",
      "允许调用的网页来源，如 https://photos.example",
    ),
    "allow-urls": flag(
      "fetch images from http: and https: URLs; private addresses stay rejected",
      "允许以 http:、https: 地址给出图片；内网地址仍被拒绝",
    ),
    "model-name": setting("name", "the model's name in answers (default: chinese-clip)", "应答中的模型名（默认 chinese-clip）"),
    "model-alias": list("name", "another name that requests may give", "请求中可用的其他模型名"),
    "immich-upstream": setting(
      "url",
      "immich's own machine learning, for its tasks other than CLIP",
      "immich 自己的机器学习服务，用于 CLIP 以外的任务",
    ),
    ...RUN_OPTIONS,
    ...HUB_OPTIONS,
  },
  examples: [
    "OFA-Sys/chinese-clip-vit-base-patch16",
    "--index photos.index",
    "OFA-Sys/chinese-clip-vit-base-patch16 --host 0.0.0.0 --allow-unauthenticated --allow-host '*' --immich-upstream http://immich-machine-learning:3003",
  ],

  async run(values, context, operands) {
    const listening = listenOptions(values);
    const classifiers = await readClassifiers(listValue(values, "classifier"));
    const indexes = await openIndexes(indexFolders(values), context.signal);
    try {
      return await serveModel(modelOf(operands, indexes), indexes, classifiers, values, listening, context);
    } finally {
      await indexes.close();
    }
  },
};

async function serveModel(
  model: string,
  { served, opened, thumbnails }: OpenIndexes,
  classifiers: Readonly<Record<string, ImageClassifier>>,
  values: OptionValues,
  { host, port }: { readonly host: string; readonly port: number },
  context: CommandContext,
): Promise<number> {
  const { language, signal } = context;
  const [{ createHandler }, { createMetrics, serve: listen }, { searchPage }] = await Promise.all([
    import("@chinese-clip/server"),
    import("@chinese-clip/server/node"),
    import("@chinese-clip/server/page"),
  ]);
  const transfer = new TransferProgress(process.stderr);
  const options = pretrainedOptions(values, context, transfer);
  const settings = opened[0]?.settings;
  const clip = await ChineseCLIP.fromPretrained(model, {
    ...options,
    // As the index's images were embedded.
    dtype: options.dtype ?? (settings?.dtype === undefined ? undefined : parseDtype("images.json", settings.dtype)),
    limits: IMAGE_LIMITS,
    autoOrient: settings?.orientation,
    decode: settings?.decode,
    spin: false, // a quarter of the processor time where queries come one a second
  }).finally(() => transfer.end());
  thumbnails.make = async (file) => (await clip.previewImage(file, { thumbnail: THUMBNAIL_SIZE }))?.thumbnail;
  try {
    for (const classifier of Object.values(classifiers)) await checkClassifierModel(classifier, clip, { signal });
    const { tokenizer } = clip.processor;
    const handler = createHandler({
      embedder: clip,
      stores: served,
      classifiers,
      modelName: stringValue(values, "model-name"),
      modelAliases: [model, ...listValue(values, "model-alias")],
      logitScale: clip.model.logitScale,
      countTokens: (texts) => texts.map((text) => tokenizer.encode(text).ids.length),
      imageSize,
      limits: { shutdownMilliseconds: SHUTDOWN_MILLISECONDS },
      apiKey: stringValue(values, "api-key") ?? (process.env["CHINESE_CLIP_API_KEY"] || undefined),
      allowedHosts: values["allow-host"] === undefined ? undefined : listValue(values, "allow-host"),
      allowedOrigins: listValue(values, "allow-origin"),
      allowUrls: values["allow-urls"] === true,
      immichUpstream: upstreamOf(values),
      metrics: createMetrics(),
      page: searchPage,
      onError: (error) => context.note(messageIn(error, language)),
    });
    // Whoever searches first does not wait for the text tower; what is wrong with it is told with that search.
    if (Object.keys(served).length > 0) void clip.prepare(["text"]).catch(() => undefined);
    const server = await listen(handler, { host, port, signal, allowUnauthenticated: values["allow-unauthenticated"] === true });
    context.print(context.json ? JSON.stringify({ url: server.url, indexes: Object.keys(served) }) : server.url);
    await server.closed;
    return 0;
  } finally {
    await clip.dispose();
  }
}

/** Classifiers by name. @throws UsageError - two of one name; what reading says. */
async function readClassifiers(files: readonly string[]): Promise<Readonly<Record<string, ImageClassifier>>> {
  const found = new Map<string, ImageClassifier>();
  for (const file of files) {
    const name = basename(file).replace(/\.json$/iu, "");
    if (found.has(name)) throw new UsageError(t`--${"classifier"}: expected files of different names, got ${name} twice`);
    found.set(name, await readClassifier(file));
  }
  return Object.fromEntries(found);
}

/** @throws UsageError - no model is named, by the command or an index; or two. */
function modelOf(operands: readonly string[], { opened }: OpenIndexes): string {
  const fallback = process.env["CHINESE_CLIP_MODEL"] || opened[0]?.settings.model;
  const what = t`a checkpoint's file or folder, or a hub's name of a model`;
  return operands.length === 0 && fallback !== undefined ? fallback : oneOperand(operands, what);
}

function indexFolders(values: OptionValues): readonly string[] {
  const given = listValue(values, "index");
  const fallback = process.env["CHINESE_CLIP_INDEX"];
  return given.length > 0 || fallback === undefined || fallback === "" ? given : [fallback];
}

/** @throws UsageError - a port that is none. */
function listenOptions(values: OptionValues): { readonly host: string; readonly port: number } {
  const port = stringValue(values, "port") ?? String(DEFAULT_PORT);
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) throw new UsageError(t`--port: expected a number from 0 to 65535, got ${port}`);
  return { host: stringValue(values, "host") ?? "127.0.0.1", port: Number(port) };
}

/** @throws UsageError - no URL. */
function upstreamOf(values: OptionValues): URL | undefined {
  const text = stringValue(values, "immich-upstream");
  if (text === undefined) return undefined;
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text))
    throw new UsageError(t`--immich-upstream: expected an address that begins with http:// or https://, got ${text}`);
  return new URL(text);
}
