/** What the command knows and other programs may want: prompt templates. */
export { isTemplateSet, readTemplates, TEMPLATE_SETS, type TemplateSet } from "./templates/built-in-templates.js";
export { parseTemplates, TemplateError, type TemplateList } from "./templates/parse-templates.js";
