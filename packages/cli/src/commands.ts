/**
 * The commands, in the order in which people meet them. Each is loaded when it is run or asked for its help, so that a list of them needs none
 * of the packages that they work with.
 */
import type { ListedCommand } from "./command.js";

/** All commands. */
export const COMMANDS: readonly ListedCommand[] = [
  {
    name: "classify",
    summary: {
      en: "Classify images by your own labels, with probability and cosine",
      zh: "用任意中文标签给图片分类，给出概率与余弦相似度",
    },
    load: async () => (await import("./commands/classify.js")).classify,
  },
  {
    name: "index",
    summary: {
      en: "Make an image index of folders, or bring it up to date: only new and changed images are embedded",
      zh: "为文件夹建立或更新图片索引：只提取新增和改动的图片",
    },
    load: async () => (await import("./commands/index-images.js")).indexImages,
  },
  {
    name: "search",
    summary: {
      en: "Images nearest to a text, an image, or a weighted combination of them",
      zh: "按文本、图片或其加权组合检索最相近的图片",
    },
    load: async () => (await import("./commands/search.js")).search,
  },
  {
    name: "similar",
    summary: { en: "Images of an index that are nearest to an image", zh: "在图片索引中查找与一张图片最相近的图片" },
    load: async () => (await import("./commands/similar.js")).similar,
  },
  {
    name: "dedupe",
    summary: {
      en: "Duplicates of an image index: the same bytes, the same image, similar images",
      zh: "在图片索引中查找重复图片：内容相同、同一图片、相似图片三类",
    },
    load: async () => (await import("./commands/dedupe.js")).dedupe,
  },
  {
    name: "serve",
    summary: {
      en: "A server: embeddings for OpenAI's, TEI's and immich's clients, and search in image indexes",
      zh: "启动服务：为 OpenAI、TEI、immich 客户端提供向量，并检索图片索引",
    },
    load: async () => (await import("./commands/serve.js")).serve,
  },
  {
    name: "embed",
    summary: {
      en: "Features of images or texts, to cn_clip's jsonl or to .npy; resumes an interrupted run",
      zh: "提取图片或文本的特征，写成 cn_clip 的 jsonl 或 .npy；中断后再次运行即可继续",
    },
    load: async () => (await import("./commands/embed.js")).embed,
  },
  {
    name: "enqueue",
    summary: {
      en: "List a source once and add its shards to a queue, for workers on any number of machines",
      zh: "列出数据源的分片并加入队列，由任意多台机器上的 worker 处理",
    },
    load: async () => (await import("./commands/enqueue.js")).enqueue,
  },
  {
    name: "worker",
    summary: {
      en: "Take shards from a queue and embed them; killed workers lose nothing",
      zh: "从队列取分片并提取特征；进程被杀也不丢失",
    },
    load: async () => (await import("./commands/worker.js")).worker,
  },
  {
    name: "audit",
    summary: {
      en: "Check that every shard of a manifest is there, whole and of one model; say what to run where it is not",
      zh: "核对清单中的每个分片：是否齐全、完整、属于同一模型，并给出修复命令",
    },
    load: async () => (await import("./commands/audit.js")).audit,
  },
  {
    name: "load",
    summary: {
      en: "Finished shards of workers into a search index or into PostgreSQL with pgvector; a repeated run writes what is missing",
      zh: "把已完成的分片导入检索索引或装有 pgvector 的 PostgreSQL；中断后再次运行即可补齐",
    },
    load: async () => (await import("./commands/load.js")).load,
  },
  {
    name: "evaluate retrieval",
    summary: {
      en: "Recall of images by texts and of texts by images, as cn_clip measures it",
      zh: "按 cn_clip 的方法评测图文检索的召回率（文搜图与图搜文）",
    },
    load: async () => (await import("./commands/evaluate-retrieval.js")).evaluateRetrieval,
  },
  {
    name: "evaluate zero-shot",
    summary: {
      en: "Accuracy of zero-shot classification over a folder for each class, as cn_clip measures it",
      zh: "按 cn_clip 的方法评测零样本分类的准确率（每类一个文件夹）",
    },
    load: async () => (await import("./commands/evaluate-zero-shot.js")).evaluateZeroShot,
  },
  {
    name: "train",
    summary: {
      en: "Fine-tune a model on your own images and texts, on this processor; resumes an interrupted run",
      zh: "用自己的图文对微调模型（在本机处理器上）；中断后再次运行即可继续",
    },
    load: async () => (await import("./commands/train.js")).train,
  },
  {
    name: "few-shot fit",
    summary: {
      en: "A classifier of a few images of each class, as a JSON file that classify, serve and the page take",
      zh: "用每类几张图片得到一个分类器（JSON 文件），可用于 classify、serve 和网页",
    },
    load: async () => (await import("./commands/few-shot-fit.js")).fewShotFit,
  },
  {
    name: "few-shot evaluate",
    summary: {
      en: "Accuracy and confusion of a few-shot classifier; or a table of the methods with 1, 2, 4, 8, 16 images a class",
      zh: "评测少样本分类器的准确率与混淆矩阵；或比较每类 1、2、4、8、16 张图片时的各种方法",
    },
    load: async () => (await import("./commands/few-shot-evaluate.js")).fewShotEvaluate,
  },
  {
    name: "compare",
    summary: {
      en: "What another dtype, checkpoint or device changes, on your own images and texts",
      zh: "用你自己的图片和文本，比较两种 dtype、两个检查点或两种设备的差别",
    },
    load: async () => (await import("./commands/compare.js")).compare,
  },
  {
    name: "info",
    summary: {
      en: "What a checkpoint is, what would be loaded of it, and what is wrong with it",
      zh: "查看模型：类型、文件、配置、将加载的内容，以及存在的问题",
    },
    load: async () => (await import("./commands/info.js")).info,
  },
  {
    name: "download",
    summary: { en: "Fetch a hub's model into the cache, for use without a network", zh: "把 hub 上的模型下载到缓存，之后可离线使用" },
    load: async () => (await import("./commands/download.js")).download,
  },
  {
    name: "convert",
    summary: {
      en: "Write any checkpoint as a Hugging Face folder, which transformers loads too",
      zh: "把任意检查点转换为 Hugging Face 格式的文件夹（transformers 也能加载）",
    },
    load: async () => (await import("./commands/convert.js")).convert,
  },
  {
    name: "export",
    summary: {
      en: "Write the towers as ONNX files, for other runtimes or as a Triton model repository",
      zh: "把两个塔导出为 ONNX 文件，供其他运行时使用，或作为 Triton 模型仓库",
    },
    load: async () => (await import("./commands/export.js")).exportTowers,
  },
  {
    name: "export-web",
    summary: {
      en: "Write a folder for static hosting, which pages load with @chinese-clip/web",
      zh: "导出供网页（@chinese-clip/web）加载的静态文件夹",
    },
    load: async () => (await import("./commands/export-web.js")).exportForWeb,
  },
  {
    name: "doctor",
    summary: {
      en: "Runtime, processor, cache and network of this machine, with advice",
      zh: "检查本机的运行时、处理器、缓存与网络，并给出建议",
    },
    load: async () => (await import("./commands/doctor.js")).doctor,
  },
  {
    name: "verify",
    summary: {
      en: "Compare this machine's result with the one that the reference publishes",
      zh: "用官方公布的示例核对本机的计算结果",
    },
    load: async () => (await import("./commands/verify.js")).verify,
  },
];
