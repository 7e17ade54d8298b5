/**
 * The command's messages in Chinese, by their English: `$1`, `$2`, … are the values, in the order in which the English has them.
 */

/** English to Chinese. A test keeps it complete and without what is not said any more. */
export const MESSAGES_ZH: Readonly<Record<string, string>> = {
  // Command line
  "--$1 is needed; see --help": "缺少 --$1；用法见 --help",
  "$1; see chinese-clip $2 --help": "$1；用法见 chinese-clip $2 --help",
  "standard output: cannot be written ($1)": "无法写入标准输出（$1）",
  "expected options of a few letters, got $1… of $2": "选项应为几个字母，实际为 $1…，共 $2 个",
  "--$1: expected a value, got an empty one": "--$1：应有取值，实际为空",
  "stopping ($1); press Ctrl-C again to stop at once": "正在停止（$1）；再按一次 Ctrl-C 立即结束",
  "no such command: $1$2": "没有这个命令：$1$2",
  "expected $1, got nothing; see --help": "需要$1；用法见 --help",
  "expected $1, got also $2; see --help": "只需要$1，多出了 $2；用法见 --help",
  "a checkpoint's file or folder, or a hub's name of a model": "一个检查点文件、文件夹，或 hub 上的模型名",
  "a hub's name of a model, as OFA-Sys/chinese-clip-vit-base-patch16": "hub 上的模型名，如 OFA-Sys/chinese-clip-vit-base-patch16",
  "$1: expected an integer, got $2": "$1：应为整数，实际是 $2",
  "$1: expected an integer of at least 1, got $2": "$1：应为不小于 1 的整数，实际是 $2",
  "$1: expected one of $2, got $3": "$1：应为 $2 之一，实际是 $3",
  "give --$1 or --$2, not both": "--$1 与 --$2 只能给一个",
  "--endpoint: expected an address that begins with http:// or https://, got $1":
    "--endpoint：应为以 http:// 或 https:// 开头的地址，实际是 $1",
  "--timeout: expected at most $1 seconds, got $2": "--timeout：最多 $1 秒，实际是 $2",
  "--top: expected a number from 1 to 999999, got $1": "--top：应为 1 到 999999 的整数，实际是 $1",
  "--max-batch is Triton's; give --triton too": "--max-batch 只用于 Triton，请同时加 --triton",

  // Loading of shards
  "the folder that workers wrote finished shards to": "存有已完成分片的文件夹",
  "--$1 is of use only with --to postgres://…": "--$1 只能与 --to postgres://… 同用",
  "shard $1 was left out: $2": "跳过分片 $1：$2",
  "$1 shards, $2 rows ($3 were there), in $4; the store has $5 items": "$1 个分片，$2 行（其中 $3 行已存在），用时 $4；库中共有 $5 条",

  // Image indexes
  "$1: created with model $2, and $3 is another: cosines between two models mean nothing. Leave out --model, or make another index with --index":
    "$1：建立索引用的模型是 $2，$3 是另一个模型：两个模型之间的余弦没有意义。请去掉 --model，或用 --index 另建索引",
  "$1: the weights of $2 are not those that this index was created with; restore them, or make another index with --index":
    "$1：$2 的权重与建立索引时不同；请恢复原来的权重，或用 --index 另建索引",
  "--$1: expected a number from $2 to $3, got $4": "--$1：应为 $2 到 $3 之间的数，实际是 $4",
  "--dry-run is of use only with --copy-to or --move-to": "--dry-run 只能与 --copy-to 或 --move-to 同用",
  "--filter is of use only with --index": "--filter 只能与 --index 同用",
  "--similar is of use only with the tier similar; see --tier": "--similar 只用于 similar 类，见 --tier",
  "expected folders, got an empty name; see --help": "请给出文件夹，实际是空名；用法见 --help",
  "give --index or images, not both": "--index 与图片只能给一个",

  // Queues
  "--metrics-host is of use only with --metrics-port": "--metrics-host 只能与 --metrics-port 同用",
  "this command needs the package @chinese-clip/queue: npm install -g chinese-clip @chinese-clip/queue":
    "这个命令需要安装 @chinese-clip/queue：npm install -g chinese-clip @chinese-clip/queue",
  "$1 failed shards are in the queue again": "$1 个失败的分片已放回队列",
  "one source": "一个数据源",
  "$1 shards added; $2 were in the queue before": "加入 $1 个分片；$2 个原已在队列中",
  "$1 shards are being embedded and were left alone; try again later": "$1 个分片正在处理，未改动；请稍后再试",
  "$1: lists $2, not $3; name another manifest": "$1：列出的是 $2，不是 $3；请另指定清单",
  "$1: no such manifest; name the source that it is to list, as folder:photos": "$1：没有这个清单；请给出要列出的数据源，如 folder:photos",
  "$1: $2 shards, $3 images": "$1：$2 个分片，$3 张图片",
  "--shards: the manifest has no shard $1": "--shards：清单中没有分片 $1",
  "$1 done, $2 waiting, $3 in work, $4 to be tried again, $5 failed": "完成 $1，等待 $2，处理中 $3，待重试 $4，失败 $5",
  "$1 shards, $2 images; $3 attempts failed": "$1 个分片，$2 张图片；$3 次尝试失败",
  "$1: was complete": "$1：原已完成",
  "$1: $2 images in $3 s, $4 unreadable": "$1：$2 张图片，用时 $3 秒，$4 张无法读取",
  "$1: attempt $2 of $3 failed: $4": "$1：第 $2 次尝试失败（共 $3 次）：$4",
  "$1: another worker has it, as this one was silent for too long": "$1：本进程停顿过久，已由其他 worker 接手",
  "$1: handed back": "$1：已放回队列",
  "$1: its worker is gone; it waits again": "$1：原来的 worker 已不在，重新等待处理",
  "waiting $1 s, as one shard after the other failed": "分片接连失败，等待 $1 秒",
  "the queue's server: $1; trying again": "队列服务器：$1；正在重试",
  "$1 of $2 shards are complete: $3 rows, $4 images without one; $5 faults": "$2 个分片中 $1 个完整：$3 行，$4 张图片没有特征；$5 处问题",
  "… $1 more; all of them with --json": "……另有 $1 处；用 --json 查看全部",
  "to mend it, when no worker runs:": "修复方法（请先停止所有 worker）：",

  // train
  "averaged after step $1: $2": "第 $1 步后已平均：$2",
  "--average-folder, --average-every and --average-workers need each other":
    "--average-folder、--average-every 与 --average-workers 须同时给出",
  "--lora-alpha and --lora-targets need --lora-rank": "--lora-alpha 和 --lora-targets 需要同时给出 --lora-rank",
  "--distillation and --teacher-model need each other": "--distillation 与 --teacher-model 须同时给出",
  "--freeze-vision and --freeze-text leave nothing to train; give one of them":
    "--freeze-vision 与 --freeze-text 同时给出就没有可训练的部分；请只给一个",
  "--$1: expected a number such as 5e-5, got $2": "--$1：应为数字，如 5e-5，实际是 $2",
  "saved: $1 (step $2)": "已保存：$1（第 $2 步）",
  "validation after step $1: R@1 / R@5 / R@10, text to image $2, image to text $3":
    "第 $1 步后的评测：R@1 / R@5 / R@10，文搜图 $2，图搜文 $3",
  "memory: about $1 MB, block by block in chunks of $2": "内存：约 $1 MB，逐块计算，每次 $2 对",
  "memory: about $1 MB, a step as one graph": "内存：约 $1 MB，一步一次算完",
  "memory: about $1 MB, in chunks of $2": "内存：约 $1 MB，每次 $2 对",
  "$1: was created with $2 $3; this run has $4. Use $5 again, or name another folder":
    "$1：创建时的 $2 是 $3，本次是 $4。请仍用 $5，或另选文件夹",
  "--$1 needs --$2": "--$1 需与 --$2 同用",
  "skipped: $1 whose image does not exist, such as $2": "跳过 $1 个：图片不存在，如 $2",
  "skipped: $1 whose text is not UTF-8, such as $2": "跳过 $1 个：文本不是 UTF-8，如 $2",
  "skipped: $1 without a text, such as $2": "跳过 $1 个：没有文本，如 $2",
  "skipped: $1 that are there twice, such as $2": "跳过 $1 个：重复，如 $2",
  "$1 texts of more than $2 tokens are cut": "$1 条文本超过 $2 个 token，已截断",
  "$1 pairs of $2 images ($3 skipped), batches of $4, steps $5 to $6":
    "$1 个图文对，$2 张图片（跳过 $3 个），每批 $4 对，第 $5 步至第 $6 步",

  // few-shot
  "--$1: expected files of different names, got $2 twice": "--$1：文件名不能相同，$2 出现了两次",
  "a folder with a folder of images for each class": "一个文件夹，其中每个类别有一个图片文件夹",
  "--output: $1 exists and is no classifier; name another file": "--output：$1 已存在，且不是分类器；请另选文件",
  "expected at least 2 classes with images, got $1": "至少需要 2 个有图片的类别，实际有 $1 个",
  "expected a class with more than $1 images, to measure on the rest; give fewer with --shots":
    "应有类别的图片多于 $1 张，其余用于评测；请用 --shots 给出更少的张数",
  "$1: no class of the classifier, which has $2": "$1：不是分类器的类别；分类器有 $2",

  // classify, compare
  "expected images or folders, got none; see chinese-clip classify --help": "请给出图片或文件夹；用法见 chinese-clip classify --help",
  "--threshold: expected a cosine between -1 and 1, got $1": "--threshold：应为 -1 到 1 之间的余弦值，实际是 $1",
  "--none: expected other labels than those of --labels, got $1 in both": "--none 的标签不能与 --labels 相同，重复的有：$1",
  "--template: expected {} where the label goes, got $1": "--template：请用 {} 标出标签的位置，实际是 $1",
  "$1: no labels in it; write one per line, or separate them by commas: 猫,狗": "$1：没有标签；请每行写一个，或用逗号分隔：猫,狗",
  "$1: expected one label a line, or a JSON array of strings; got other JSON":
    "$1：应为每行一个标签，或字符串的 JSON 数组；实际是其他 JSON",
  "$1: no such file; give a file, or one of the sets $2": "$1：没有这个文件；请给出文件，或以下模板集之一：$2",
  "$1: expected a file, got a folder; give a file, or one of the sets $2": "$1：应为文件，实际是文件夹；请给出文件，或以下模板集之一：$2",
  "$1: no list $2 in it; it has $3": "$1：其中没有列表 $2；现有 $3",
  "$1: it has several lists; choose one, as in $2. It has $3": "$1：其中有多个列表，请选一个，如 $2。现有 $3",
  "expected images, or --texts, or both; see chinese-clip compare --help":
    "请给出图片或 --texts，也可都给；用法见 chinese-clip compare --help",
  "none of the images can be read; replace them and run again": "没有一张图片能读取；请替换后再运行",
  "give one of --dtypes fp32,q8, --models a,b and --devices cpu,cuda: two things to compare":
    "请给出要比较的两项，三选一：--dtypes fp32,q8、--models a,b、--devices cpu,cuda",
  "--$1: expected two different values with a comma between them, got $2": "--$1：应为用逗号分隔的两个不同的值，实际是 $2",

  // evaluate
  "--direction: expected text-to-image, image-to-text or both": "--direction：应为 text-to-image、image-to-text 或 both",
  "--predictions holds one direction; name it with --direction text-to-image or image-to-text":
    "--predictions 只含一个方向，请用 --direction text-to-image 或 image-to-text 指明",
  "give --data with a folder, or --texts with --images or --image-features; see --help":
    "请用 --data 给出文件夹，或用 --texts 加 --images（或 --image-features）；用法见 --help",
  "--dataset: expected a name without slashes, got $1": "--dataset：名称中不能有斜杠，实际是 $1",

  // search
  "--in: expected a folder, or features in .jsonl or .npy, got $1": "--in：应为文件夹，或 .jsonl、.npy 特征文件，实际是 $1",
  "$1: cannot be read as the query's image ($2)": "$1：无法作为查询图片读取（$2）",
  "$1: none of its images can be read; see the messages above": "$1：其中没有一张图片能读取，原因见上",

  // serve
  "--port: expected a number from 0 to 65535, got $1": "--port：应为 0 到 65535 的整数，实际是 $1",
  "--immich-upstream: expected an address that begins with http:// or https://, got $1":
    "--immich-upstream：应为以 http:// 或 https:// 开头的地址，实际是 $1",

  // embed
  "--decode: expected exact or fast, got $1": "--decode：应为 exact 或 fast，实际是 $1",
  "give --images, --texts or --source, one of them; see --help": "--images、--texts、--source 要给且只能给一个；用法见 --help",
  "shard $1 of how many? Give --shard-count": "这是第 $1 份，但不知共几份；请加 --shard-count",
  "--shard-count needs --shard-index, JOB_COMPLETION_INDEX or SLURM_ARRAY_TASK_ID":
    "有 --shard-count 时还需要 --shard-index、JOB_COMPLETION_INDEX 或 SLURM_ARRAY_TASK_ID",
  "--shard-index: expected 0 to $1, got $2": "--shard-index：应为 0 到 $1，实际是 $2",
  "SLURM_ARRAY_TASK_ID $1 is not on the array's steps (from $2 by $3); give --shard-index":
    "SLURM_ARRAY_TASK_ID $1 不在任务数组的步长上（从 $2 起，步长 $3）；请用 --shard-index 指定",

  // verify
  "--offline: $1 would have to be fetched; give a local copy of the image with --image":
    "--offline：$1 需要下载；请用 --image 给出图片的本地副本",
  "$1; give a local copy of the image with --image": "$1；请用 --image 给出图片的本地副本",
};
