/** What the command knows and other programs may want: templates by name, as `--templates` reads them. */
export { readTemplates } from "./input/read-templates.js";
