/**
 * The command's messages in Chinese, by their English: `$1`, `$2`, … are the values, in the order in which the English has them.
 */

/** English to Chinese. A test keeps it complete and without what is not said any more. */
export const MESSAGES_ZH: Readonly<Record<string, string>> = {
  // Command line
  "--$1 is needed; see --help": "缺少 --$1；用法见 --help",
  "$1; see chinese-clip $2 --help": "$1；用法见 chinese-clip $2 --help",
  "no such command: $1$2": "没有这个命令：$1$2",
  "expected $1, got nothing; see --help": "需要$1；用法见 --help",
  "expected $1, got also $2; see --help": "只需要$1，多出了 $2；用法见 --help",
  "a checkpoint's file or folder, or a hub's name of a model": "一个检查点文件、文件夹，或 hub 上的模型名",
  "a hub's name of a model, as OFA-Sys/chinese-clip-vit-base-patch16": "hub 上的模型名，如 OFA-Sys/chinese-clip-vit-base-patch16",
  "$1: expected a whole number, got $2": "$1：应为整数，实际是 $2",
  "$1: expected a whole number of at least 1, got $2": "$1：应为不小于 1 的整数，实际是 $2",
  "$1: expected one of $2, got $3": "$1：应为 $2 之一，实际是 $3",
  "--$1: expected one of $2, got $3": "--$1：应为 $2 之一，实际是 $3",
  "give --$1 or --$2, not both": "--$1 与 --$2 只能给一个",
  "--endpoint: expected an address that begins with http:// or https://, got $1":
    "--endpoint：应为以 http:// 或 https:// 开头的地址，实际是 $1",
  "--timeout: expected at most $1 seconds, got $2": "--timeout：最多 $1 秒，实际是 $2",
  "--top: expected a number from 1 to 999999, got $1": "--top：应为 1 到 999999 的整数，实际是 $1",
  "--max-batch is Triton's; give --triton too": "--max-batch 只用于 Triton，请同时加 --triton",

  // classify, compare
  "expected pictures or folders, got none; see chinese-clip classify --help": "请给出图片或文件夹；用法见 chinese-clip classify --help",
  "--threshold: expected a cosine between -1 and 1, got $1": "--threshold：应为 -1 到 1 之间的余弦值，实际是 $1",
  "--none: expected other labels than those of --labels, got $1 in both": "--none 的标签不能与 --labels 相同，重复的有：$1",
  "--template: expected {} where the label goes, got $1": "--template：请用 {} 标出标签的位置，实际是 $1",
  "no labels in it; write one a line, or give them with commas: 猫,狗": "没有标签；请每行写一个，或用逗号分隔：猫,狗",
  "expected UTF-8 text with one label a line; convert the file first (iconv -t UTF-8)":
    "应为每行一个标签的 UTF-8 文本；请先转换编码（iconv -t UTF-8）",
  "expected pictures, or --texts, or both; see chinese-clip compare --help":
    "请给出图片或 --texts，也可都给；用法见 chinese-clip compare --help",
  "none of the pictures can be read; replace them and run again": "没有一张图片能读取；请替换后再运行",
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
  "expected $1 in it; check the folder, or name another split with --split": "里面应有 $1；请检查文件夹，或用 --split 指定其他划分",
  "$1 or $2": "$1 或 $2",

  // search
  "--in: expected a folder, or features in .jsonl or .npy, got $1": "--in：应为文件夹，或 .jsonl、.npy 特征文件，实际是 $1",
  "cannot be read as the query's picture ($1)": "无法作为查询图片读取（$1）",
  "none of its pictures can be read; see the messages above": "其中没有一张图片能读取，原因见上",
  "query: expected a text or @file in each part, got an empty one in $1": "查询的每一项应为文本或 @文件，$1 中有空的一项",
  "query: expected weights above 0, got $1": "查询的权重应大于 0，实际是 $1",
  "query: unterminated quote in $1": "查询中的引号没有成对：$1",
  "query: its parts cancel out; change a weight": "查询的各项互相抵消，请修改权重",
  "expected a .npy of float32 rows (descr '<f4', C order); save it with array.astype('float32')":
    "应为按行存储的 float32 .npy（descr '<f4'，C 顺序）；请用 array.astype('float32') 另存",
  "no rows in it": "里面没有数据",
  "expected $1 rows, but the file is cut off; copy or embed it again": "应有 $1 行，但文件不完整；请重新复制或重新提取",
  "the file became shorter while it was read": "读取过程中文件变短了",
  "expected a JSON object, {…}, as embed writes it": "应为 embed 写出的 JSON 对象 {…}",

  // embed
  "give --images or --texts, one of them; see --help": "--images 与 --texts 要给且只能给一个；用法见 --help",
  "this is part $1, but of how many? Give --shard-count": "这是第 $1 份，但不知共几份；请加 --shard-count",
  "--shard-count needs --shard-index, JOB_COMPLETION_INDEX or SLURM_ARRAY_TASK_ID":
    "有 --shard-count 时还需要 --shard-index、JOB_COMPLETION_INDEX 或 SLURM_ARRAY_TASK_ID",
  "--shard-index: expected 0 to $1, got $2": "--shard-index：应为 0 到 $1，实际是 $2",
  "SLURM_ARRAY_TASK_ID $1 is not on the array's steps (from $2 by $3); give --shard-index":
    "SLURM_ARRAY_TASK_ID $1 不在任务数组的步长上（从 $2 起，步长 $3）；请用 --shard-index 指定",
  "is there already and was not written by embed; name another folder with --output":
    "已经存在，且不是 embed 写出的；请用 --output 指定其他文件夹",
  'is there already and has no "$1" here, so it cannot be gone on with; name another --output':
    "已经存在，但此处没有“$1”，无法接着写；请另选 --output",
  "its $1 rows end with $2, $3: the inputs are not those it was begun with. Name another --output, or remove it and $4 to begin anew":
    "其中 $1 行以 $2 结尾，$3：输入与开始时不同。请另选 --output，或删除它和 $4 后重新开始",
  "the inputs end before": "而输入在那之前就结束了",
  "there the inputs have $1": "而输入在该处是 $1",
  "was begun with $1, and this is $2: its features would be of two models. Go on with $3, or name another --output":
    "开始时用的是 $1，现在是 $2：会混入两个模型的特征。请继续用 $3，或另选 --output",
  "$1 with other weights": "$1（权重不同）",
  "expected which model the features beside it are of, as embed writes it; remove this file": "应为 embed 写出的特征来源说明；请删除此文件",

  // Models and features
  "its features have $1 values and the model's $2: they are of another model. Name that one with --model, or another --output":
    "其中的特征是 $1 维，而模型是 $2 维：来自另一个模型。请用 --model 指定那个模型，或另选 --output",
  "its features have $1 values and the model's $2: they are of another model. Name that one with --model, or leave the file out to embed anew":
    "其中的特征是 $1 维，而模型是 $2 维：来自另一个模型。请用 --model 指定那个模型，或不给此文件以重新提取",
  "its features have $1 values and the model's $2: they are of another model. Name that one with --model, or embed again":
    "其中的特征是 $1 维，而模型是 $2 维：来自另一个模型。请用 --model 指定那个模型，或重新提取",
  "its features are of $1, and this is $2: cosines between two models mean nothing. Name that one with --model, or embed anew; if these are the same weights in other files, remove $3":
    "其中的特征来自 $1，现在的模型是 $2：两个模型之间的余弦没有意义。请用 --model 指定那个模型，或重新提取；若只是同一权重的不同文件，请删除 $3",
  "the pictures' features have $1 values and the texts' $2: they are of different models; embed both with one":
    "图片特征是 $1 维，文本特征是 $2 维：来自不同的模型；请用同一个模型提取",
  'no features in it; expected lines such as {"$1": 1, "feature": […]}': '里面没有特征；每行应形如 {"$1": 1, "feature": […]}',
  'expected a field "feature" with a list of finite numbers': "应有字段“feature”，其值为有限数值的列表",
  "expected $1 values as on the first line, got $2": "应与第一行一样是 $1 维，实际是 $2 维",
  'expected a field "$1"$2': "应有字段“$1”$2",
  '; it has "$1": are the two files swapped?': "；这里是“$1”：是否把两个文件弄反了？",

  // Files and lines
  "no such file; check the path": "没有这个文件，请检查路径",
  "no such folder; check the path": "没有这个文件夹，请检查路径",
  "expected a file, got a folder": "应为文件，实际是文件夹",
  "expected a folder, got a file": "应为文件夹，实际是文件",
  "cannot be read ($1); check its permissions": "无法读取（$1），请检查权限",
  "expected UTF-8 text; convert the file first (iconv -t UTF-8)": "应为 UTF-8 文本；请先转换编码（iconv -t UTF-8）",
  "expected lines of at most $1 characters; is this the right file?": "每行最多 $1 个字符；是否选错了文件？",
  "expected at most $1 paths": "最多 $1 个路径",
  "folders nested too deep; does a link lead in a circle?": "文件夹嵌套过深，是否有链接成环？",
  "expected one JSON object a line ($1)": "每行应为一个 JSON 对象（$1）",
  "expected one JSON object a line ($1)$2": "每行应为一个 JSON 对象（$1）$2",
  "; the line seems cut off: was the writing of the file interrupted?": "；这一行似乎不完整：写文件时是否中断过？",
  "expected one JSON object a line, {…}": "每行应为一个 JSON 对象 {…}",
  "expected a JSON object, {…}": "应为 JSON 对象 {…}",
  'expected a field "text" with a string': "应有字段“text”，其值为字符串",
  'expected a field "image_ids" with a list of picture ids ([] where they are unknown)':
    "应有字段“image_ids”，其值为图片编号的列表（未知时写 []）",
  'expected whole numbers in "image_ids", got $1': "“image_ids”中应为整数，实际是 $1",
  'expected a field "$1"': "应有字段“$1”",
  "expected a whole number up to 2^53 as $1, got $2$3": "$1 应为不超过 2^53 的整数，实际是 $2$3",
  "; write it without the quotes, or number the lines if the ids are names": "；请去掉引号，若编号是名称，请先为各行编号",
  "expected a whole number up to 2^53 as id, got $1; number the pictures if their ids are names":
    "编号应为不超过 2^53 的整数，实际是 $1；若用的是名称，请先为图片编号",
  "$1 $2 is on line $3 already; each needs its own": "$1 $2 在第 $3 行已出现；编号不能重复",
  "text_id $1 is on line $2 already; give each text its own": "text_id $1 在第 $2 行已出现；每条文本要有自己的编号",
  "id $1 is on line $2 already; give each picture its own": "编号 $1 在第 $2 行已出现；每张图片要有自己的编号",
  "expected an id, a tab and the picture in base64, got $1 fields": "应为编号、制表符和 base64 图片，实际有 $1 个字段",
  "expected base64 after the tab; is the line cut off?": "制表符之后应为 base64；这一行是否不完整？",
  'no texts in it; expected lines such as {"text_id": 1, "text": "…"}': '里面没有文本；每行应形如 {"text_id": 1, "text": "…"}',
  'no texts in it; expected lines such as {"text_id": 1, "text": "…", "image_ids": [2]}':
    '里面没有文本；每行应形如 {"text_id": 1, "text": "…", "image_ids": [2]}',
  'no features in it; expected lines such as {"image_id": 1, "feature": […]}': '里面没有特征；每行应形如 {"image_id": 1, "feature": […]}',
  "expected a JSON list of row numbers ($1)": "应为行号的 JSON 列表（$1）",
  "expected a JSON list of row numbers, as [2, 0, 1]": "应为行号的 JSON 列表，如 [2, 0, 1]",
  "expected row numbers below $1, the number of pictures, got $2 as item $3; is it the index of this data set?":
    "行号应小于图片数 $1，第 $3 项是 $2；这是本数据集的索引吗？",

  // Pictures and labels
  "no pictures in it; expected files such as .jpg, .png or .webp": "里面没有图片；应有 .jpg、.png、.webp 等文件",
  "no pictures in it; expected files that end in .jpg .png .webp .gif .bmp .tiff or .avif":
    "里面没有图片；应有以 .jpg .png .webp .gif .bmp .tiff 或 .avif 结尾的文件",
  "no pictures in it; expected lines of an id, a tab and base64": "里面没有图片；每行应为编号、制表符和 base64",
  "no names in the list; expected a picture's file on each line, as `find` prints them": "列表为空；每行应为一个图片文件，如 `find` 的输出",
  "no paths in it; write one a line, as in: find photos -name '*.jpg' | chinese-clip … -":
    "没有路径；请每行写一个，例如：find photos -name '*.jpg' | chinese-clip … -",
  "a picture that cannot be read ($1)$2. Replace or remove them and run again": "图片无法读取（$1）$2。请替换或删除后再运行",
  "cannot be read as a picture ($1)$2. Replace or remove them and run again": "无法作为图片读取（$1）$2。请替换或删除后再运行",
  "; also on line $1$2 ($3 in all)": "；还有第 $1 行$2（共 $3 张）",
  "; also $1$2 ($3 in all)": "；还有 $1$2（共 $3 张）",
  "no class folders in it; expected one folder of pictures for each label, as 000/, 001/, …":
    "里面没有类别文件夹；每个标签应有一个图片文件夹，如 000/、001/、…",
  "no pictures for the class $1; expected files that end in $2. Add some, or remove the folder and its label":
    "类别 $1 没有图片；应有以 $2 结尾的文件。请补充，或删除该文件夹及其标签",
  "expected a label, got an empty line; the line's number is the class's": "应为标签，实际是空行；行号即类别号",
  "expected $1 labels, one a line for the folders $2 in this order, got $3": "应有 $1 个标签，每行一个，依次对应文件夹 $2，实际有 $3 个",
};
