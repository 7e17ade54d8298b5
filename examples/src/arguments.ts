/**
 * The command line: what the user asks for, checked before anything is loaded.
 */
import { resolve } from "node:path";
import { parseArgs, type ParseArgsConfig } from "node:util";
import { fileURLToPath } from "node:url";

/** A command line that cannot be followed; the message says why. */
export class UsageError extends Error {}

/** One image to label. */
export interface ClassifyTask {
  readonly image: string;
  readonly labels: readonly string[];
  /** A sentence with `{}` where the label goes. */
  readonly template: string | undefined;
}

/** A folder of images to search by sentences. */
export interface SearchTask {
  readonly folder: string;
  readonly texts: readonly string[];
}

/** A whole command line. */
export interface Request {
  /** Folder of the model. */
  readonly model: string;
  readonly classify: ClassifyTask | undefined;
  readonly search: SearchTask | undefined;
  /** Where the page goes. */
  readonly page: string;
}

const example = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url));

const DEMO_MODEL = example("demo-checkpoint");
const DEMO_IMAGES = example("pictures");

/** What runs without arguments: things that the demo model knows (see its README). */
const DEMO: Request = {
  model: DEMO_MODEL,
  classify: { image: resolve(DEMO_IMAGES, "39.png"), labels: ["猫", "兔子", "鱼", "蝴蝶", "雪人", "汽车"], template: undefined },
  search: {
    folder: DEMO_IMAGES,
    texts: ["一只棕色的猫", "两辆紫色的汽车", "浅黄色背景上的黑色星星", "很大的紫色蘑菇", "画着灰色雪人的画", "四条黑色的鱼"],
  },
  page: example("out/index.html"),
};

export const HELP = `Chinese-CLIP: label images, and find images by a Chinese sentence.

npm start                                      the demo: a small model that knows drawings
npm start -- --text 绿色的月亮                  search the demo's images
npm start -- --model <folder> --image <file> --labels 杰尼龟,妙蛙种子,小火龙,皮卡丘 [--template 一张{}的照片]
npm start -- --model <folder> --images <folder> --text 海边的日落 [--text 一只睡觉的猫]

  --model <folder>     a model in Hugging Face's format: config.json, model.safetensors, vocab.txt, preprocessor_config.json
  --image <file>       the image to label
  --labels <a,b,…>     the labels to choose from
  --template <text>    a sentence with {} where the label goes
  --images <folder>    the images to search
  --text <sentence>    what to search for; may be given several times
  --out <file>         where to write the page (default: examples/out/index.html)
  --help               this text`;

const OPTIONS = {
  model: { type: "string" },
  image: { type: "string" },
  labels: { type: "string" },
  template: { type: "string" },
  images: { type: "string" },
  text: { type: "string", multiple: true },
  out: { type: "string" },
  help: { type: "boolean" },
} as const satisfies ParseArgsConfig["options"];

/**
 * What a command line asks for; paths in it are relative to the current folder.
 *
 * @throws UsageError
 */
export function parseArguments(args: readonly string[]): Request | "help" {
  const { model, image, labels, template, images, text, out, help } = parseOptions(args);
  if (help === true) return "help";

  const page = out === undefined ? DEMO.page : resolve(out);
  const asksForNothing = [image, labels, template, images, text].every((option) => option === undefined);
  if (asksForNothing && model === undefined) return { ...DEMO, page };
  if (asksForNothing) throw new UsageError("--model needs something to do: --image with --labels, or --images with --text");

  if (image === undefined && (labels !== undefined || template !== undefined)) throw new UsageError("--labels and --template need --image");
  if (image !== undefined && labels === undefined) throw new UsageError("--image needs --labels");
  if (images !== undefined && text === undefined) throw new UsageError("--images needs --text");
  if (text !== undefined && images === undefined && model !== undefined) throw new UsageError("--text needs --images");
  if (template !== undefined && !template.includes("{}")) throw new UsageError(`--template needs {} where the label goes, got ${template}`);

  return {
    model: model === undefined ? DEMO_MODEL : resolve(model),
    classify: image === undefined ? undefined : { image: resolve(image), labels: splitLabels(labels ?? ""), template },
    search: text === undefined ? undefined : { folder: images === undefined ? DEMO_IMAGES : resolve(images), texts: text },
    page,
  };
}

function parseOptions(args: readonly string[]): ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>["values"] {
  try {
    return parseArgs({ args: [...args], options: OPTIONS }).values;
  } catch (error) {
    // Node's message continues with advice about positional arguments, of which there are none here.
    throw new UsageError(error instanceof Error ? (error.message.split(". ")[0] ?? error.message) : String(error));
  }
}

function splitLabels(labels: string): string[] {
  const list = labels
    .split(/[,\uFF0C、]/u)
    .map((label) => label.trim())
    .filter((label) => label !== "");
  if (list.length === 0) throw new UsageError("--labels needs at least one label");
  return list;
}
