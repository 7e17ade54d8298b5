/**
 * Chinese for the errors of data sets, evaluations and training, by code. `<name>` is the detail of that name, as in the English sentence.
 */
import type { DatasetErrorCode } from "@chinese-clip/dataset/formats";
import type { EvaluationErrorCode } from "@chinese-clip/evaluation";
import type { QueueErrorCode } from "@chinese-clip/queue";
import type { TrainingErrorCode } from "@chinese-clip/training";

/** Sentences of a `DatasetError`. */
export const DATASET_ZH: Readonly<Record<DatasetErrorCode, string>> = {
  "no-such-file": "没有这个文件，请检查路径",
  "no-such-folder": "没有这个文件夹，请检查路径",
  "not-a-file": "应为文件，实际是文件夹",
  "named-pipe": "应为文件，实际是命名管道",
  "too-large": "应不超过 <maximum> 字节；文件是否选错？",
  "not-a-folder": "应为文件夹，实际是文件",
  unreadable: "无法读取（<reason>），请检查权限",
  "out-of-resources": "暂时无法读取：进程打开的文件过多或内存不足（<errno>）。请提高限制（ulimit -n），或减少同时运行的任务",
  "not-utf8": "应为 UTF-8 文本；请先转换编码（iconv -t UTF-8）",
  "line-too-long": "每行最多 <maximum> 个字符；是否选错了文件？",
  "not-json": "每行应为一个 JSON 对象（<reason>）",
  "cut-line": "每行应为一个 JSON 对象（<reason>）；这一行似乎不完整：写文件时是否中断过？",
  "not-an-object": "应为 JSON 对象 {…}",
  "missing-field": "应有字段“<name>”",
  "swapped-files": "应有字段“<name>”；这里是“<other>”：是否把两个文件弄反了？",
  "missing-text": "应有字段“text”，其值为字符串",
  "missing-feature": "应有字段“feature”，其值为有限数值的列表",
  "invalid-id": "<name> 应为不超过 2^53 的整数，实际是 <got>",
  "quoted-id": "<name> 应为不超过 2^53 的整数，实际是 <got>；请去掉引号，若编号是名称，请先为各行编号",
  "named-image": "编号应为不超过 2^53 的整数，实际是 <got>；若用的是名称，请先为图片编号",
  "duplicate-id": "<name> <id> 在第 <before> 行已出现；编号不能重复",
  "tsv-fields": "应为编号、制表符和 base64 图片，实际有 <got> 个字段",
  "not-base64": "制表符之后应为 base64；这一行是否不完整？",
  "no-texts": '里面没有文本；每行应形如 {"text_id": 1, "text": "…"}',
  "no-tsv-images": "里面没有图片；每行应为编号、制表符和 base64",
  "no-features": '里面没有特征；每行应形如 {"<name>": 1, "feature": […]}',
  "no-images": "里面没有图片；应有以 <extensions> 结尾的文件",
  "no-class-folders": "里面没有类别文件夹；每个标签应有一个图片文件夹，如 000/、001/、…",
  "empty-class": "类别 <classes> 没有图片；应有以 <extensions> 结尾的文件。请补充，或删除该文件夹及其标签",
  "no-paths": "没有路径；请每行写一个图片路径，如 `find` 的输出",
  "folder-too-deep": "文件夹嵌套过深，是否有链接成环？",
  "feature-length": "应与第一行一样是 <expected> 维，实际是 <got> 维",
  "other-model-length": "其中的特征是 <got> 维，而模型是 <expected> 维：来自另一个模型。请用 --model 指定那个模型，或重新提取",
  "other-model":
    "其中的特征来自 <recorded>，现在的模型是 <current>：两个模型之间的余弦没有意义。请用 --model 指定那个模型，或重新提取；若只是同一权重的不同文件，请删除 <record>",
  "output-length": "其中的特征是 <got> 维，而模型是 <expected> 维：来自另一个模型。请用 --model 指定那个模型，或另选 --output",
  "output-model": "创建时的模型是 <recorded>，本次是 <current>。请继续用 <recorded>，或另选 --output",
  "output-dtype": "创建时的 dtype 是 <recorded>，本次是 <current>。请继续用 <recorded>，或另选 --output",
  "foreign-output": "已经存在，且不是 embed 写出的；请另选 --output",
  "output-without-id": "已经存在，但此处没有“<name>”，无法续写；请另选 --output",
  "output-locked": "另一个进程正在写它（进程 <process>）；请等它结束，若该进程已不在，请删除 <lock>",
  "inputs-ended":
    "其中 <rows> 行以 <last> 结尾，而输入在那之前就结束了：与创建时的输入不同。请另选 --output，或删除它和 <failures> 后重新开始",
  "inputs-changed":
    "其中 <rows> 行以 <last> 结尾，而输入在该处是 <got>：与创建时的输入不同。请另选 --output，或删除它和 <failures> 后重新开始",
  "invalid-record": "应为 embed 写出的特征来源说明；请删除此文件",
  "no-free-name": "同名文件太多；请换一个文件夹",
  "no-index": "此文件夹中没有图片索引；请检查路径，或先建立索引",
  "not-an-image-index": "这是向量库，但其中不是图片；请另选文件夹",
  "invalid-index-record": "应为索引的文件夹和设置，但内容不是当初写入的",
  "index-setting": "建立时的 <name> 是 <recorded>，本次是 <current>。请仍用 <recorded>，或另建一个索引",
  "folder-in-index": "位于索引的文件夹（<index>）内，其中的图片是缩略图；请另选文件夹",
  "unknown-source": "无法识别的数据来源；应为 <expected>",
  "invalid-shard": "分片 <id> 不属于这个数据来源：应为 <expected>。是否用了另一个数据来源的清单？",
  "source-changed": "现为 <got> 字节，列清单时为 <expected> 字节：文件已变。请重新列清单",
  "manifest-exists": "已存在；一个数据来源只列一次清单，再列一次分片可能不同。要重新列，请先删除它",
  "not-a-manifest": "应为 writeManifest 写出的清单（<reason>）",
  "manifest-cut": "应有 <expected> 个分片，实际 <got> 个：文件不完整。请重新复制，或删除后重新列清单",
  "invalid-shard-record": "应为 embedShard 写出的分片记录（<reason>）；删除这个文件后会重新计算该分片",
  "foreign-shard": "其 <name> 为 <recorded>，本次为 <current>：不同的结果不能混在一起。请换一个输出位置",
  "too-many-items": "分片 <id> 超过 <maximum> 项，请分得更小",
  "all-unreachable": "<count> 项都无法下载；网络是否连通？",
  unreachable: "无法下载（<reason>）",
  "no-image": "应有图片，实际没有",
  "no-caption": "应有图片说明，实际没有",
  "not-indexed": "不是此索引的文件夹；索引中有 <folders>",
};

/** Sentences of an `EvaluationError`. */
export const EVALUATION_ZH: Readonly<Record<EvaluationErrorCode, string>> = {
  "no-annotated-texts": '里面没有文本；每行应形如 {"text_id": 1, "text": "…", "image_ids": [2]}',
  "missing-image-ids": "应有字段“image_ids”，其值为图片编号的列表（未知时写 []）",
  "invalid-image-id": "“image_ids”中应为整数，实际是 <got>",
  "empty-label": "应为标签，实际是空行；行号即类别号",
  "label-count": "应有 <expected> 个标签，每行一个，依次对应文件夹 <classes>，实际有 <got> 个",
  "invalid-index": "应为行号的 JSON 列表，如 [2, 0, 1]",
  "row-number": "行号应小于图片数 <rows>，第 <item> 项是 <got>；这是本数据集的索引吗？",
  "mixed-models": "图片特征是 <images> 维，文本特征是 <texts> 维：来自不同的模型；请用同一个模型提取",
  "missing-retrieval-file": "里面应有 <expected>；请检查文件夹，或用 --split 指定其他划分",
  "missing-retrieval-images": "里面应有 <tsv> 或 <features>；请检查文件夹，或用 --split 指定其他划分",
  "unreadable-image": "无法作为图片读取（<reason>）。请替换或删除后再运行",
  "unreadable-images": "无法作为图片读取（<reason>）；还有 <others>（共 <count> 张）。请替换或删除后再运行",
};

/** Sentences of a `TrainingError`. */
export const TRAINING_ZH: Readonly<Record<TrainingErrorCode, string>> = {
  "loss-not-finite": "第 <step> 步：批次 <batch> 的损失为 <loss>。已保存第 <before> 步的权重；请降低学习率、延长预热，或检查这些图文对",
  "gradient-not-finite": "第 <step> 步：批次 <batch> 的梯度不是有限数。已保存第 <before> 步的权重；请降低学习率或延长预热",
  "too-few-pairs": "至少需要 2 个图文对，实际有 <count> 个（跳过 <skipped> 个）；对比学习要有对比",
  "one-text": "至少需要 2 种不同的文本，实际每张图片都是 <text>；每条文本应描述它自己的图片",
  "too-few-classes": "至少需要 2 个类别，实际有 <count> 个；分类器用来区分类别",
  "invalid-class-name": "类别名应为 1 到 <maximum> 个字符，实际是 <name>",
  "repeated-class": "每个类别只能出现一次，<name> 出现了两次",
  "no-examples": "类别 <name> 没有可用的图片（跳过 <skipped> 张）；请补充，或删除该类别",
  "unreadable-image": "无法作为图片读取（<reason>）。请替换或删除后再运行",
  "missing-column": "首行应有列 <expected>，实际是 <got>",
  "unterminated-quote": "带引号的字段直到文件末尾也没有结束",
  "invalid-pair": "应为含字符串“image”与“text”的 JSON 对象，实际是 <got>",
  "foreign-output": "里面的模型不是训练写出的；请另选文件夹，或用空文件夹",
  "other-settings": "创建时的 <option> 是 <recorded>，本次是 <current>。请仍用 <recorded>，或另选文件夹",
  "damaged-state": "应为训练的状态（<reason>）；删除它即可重新开始",
};

/** Sentences of a `QueueError`. */
export const QUEUE_ZH: Readonly<Record<QueueErrorCode, string>> = {
  "invalid-address": "地址应形如 redis://127.0.0.1:6379 或 postgres://user@host/database，实际是 <got>",
  "invalid-name": "队列名应为 1 到 100 个字母、数字、点、短横或下划线，实际是 <got>",
  "not-reachable": "<address>：没有应答（<reason>）。请在那里启动 redis-server 或 PostgreSQL，或用 --address 指定其他地址",
  "access-denied": "<address>：服务器拒绝了用户名或密码（<reason>）。请写进地址：redis://user:password@host",
  "not-a-queue-server": "<address>：应答的不是 Redis、Valkey 或 PostgreSQL（<reason>）",
  "server-too-old": "<address>：版本为 <version>，需要 <minimum> 或更新",
  "evicting-server": "<address>：maxmemory-policy 为 <policy>，内存满时会丢弃任务。请把 maxmemory-policy 设为 noeviction",
  "missing-driver": "使用 PostgreSQL 队列需要安装 pg：npm install pg",
  "invalid-job": "队列中有一个任务不是由 enqueueShards 加入的（<reason>）",
  "other-manifest": "任务属于清单 <got>，而本进程的清单是 <expected>；请为每个清单使用单独的队列",
  "unknown-shard": "清单中没有任务所指的分片 <shard>",
  "port-in-use": "<host>：端口 <port> 已被占用；请为指标换一个端口，0 表示任意空闲端口",
  "port-unavailable": "<host>：无法监听端口 <port>（<reason>）",
  "not-loopback": "<host>：指标没有密码保护，只在本机提供；应为 127.0.0.1、::1 或 localhost",
};
