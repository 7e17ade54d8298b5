/**
 * What to do about each kind of mistake, in Chinese: goes below the message, which names the place and what was found there.
 */
import type { EvaluationErrorCode } from "./evaluation-error.js";

/** Code to advice. */
export const ADVICE: Readonly<Record<EvaluationErrorCode, string>> = {
  missing: "找不到或无法读取这个文件，请检查路径和权限。",
  empty: "里面没有可用的内容，请检查是否选对了文件或文件夹。",
  malformed: "格式不对：请按提示的行号检查文件内容，必要时重新生成。",
  "invalid-id": "编号必须是整数（不能加引号）。若原来用的是文件名，请先为每条编号。",
  "duplicate-id": "编号重复：每张图片、每条文本都要有自己的编号。",
  dimension: "特征的维度不一致，来自不同的模型：请用同一个模型重新提取。",
  model: "特征来自另一个模型（维度相同但权重不同）：请用同一个模型，或重新提取。",
  labels: "标签数量要与类别文件夹数量一致，每行一个，顺序与文件夹名排序一致。",
  template: "模板中要用 {} 标出标签的位置；也可使用 general、photo、goods、food、places。",
  picture: "有图片无法读取：请替换或删除后再运行。",
  failed: "按 cn_clip 的评测规则判为失败，原因见上。",
};
