export { DEFAULT_TEMPLATE, embedClasses, type EmbedClassesOptions, type EmbedTexts } from "./class-embeddings.js";
export { type Classification, type ImageLabels, labelImage, type LabelSet, scoreLabels } from "./label-set.js";
export { parseLabelLines, parseLabelList } from "./parse-labels.js";
export { parseTemplates, type TemplateList } from "./parse-templates.js";
export { TemplateError, type TemplateErrorCode, type TemplateErrorDetails } from "./template-error.js";
export { CHINESE_TEMPLATES, isTemplateSet, TEMPLATE_SETS, type TemplateSet } from "./template-sets.js";
