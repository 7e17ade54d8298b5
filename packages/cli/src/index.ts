/** What the command knows and other programs may want: prompt templates, and cn_clip's judgement of predictions. */
export { type Direction } from "./evaluation/direction.js";
export { type FailurePlace, formatJudgement, type Judgement, judgePredictions, type Recall } from "./evaluation/recall.js";
export { isTemplateSet, readTemplates, TEMPLATE_SETS, type TemplateSet } from "./templates/built-in-templates.js";
export { parseTemplates, TemplateError, type TemplateList } from "./templates/parse-templates.js";
