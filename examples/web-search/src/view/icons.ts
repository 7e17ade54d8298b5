/**
 * The page's few icons, drawn as lines in the colour of the text.
 */
import { svg, type TemplateResult } from "lit-html";

const icon = (path: TemplateResult<2>): TemplateResult<2> => svg`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true">${path}</svg>`;

export const searchIcon = icon(svg`<circle cx="11" cy="11" r="7" /><path d="m20 20-4-4" />`);
export const pictureIcon = icon(
  svg`<rect x="3" y="5" width="18" height="14" rx="2.5" /><circle cx="9" cy="10" r="1.5" /><path d="m4 17 5-4 3 2.5L16 11l5 5" />`,
);
export const folderIcon = icon(
  svg`<path d="M3 7.5A1.5 1.5 0 0 1 4.5 6H9l2 2.5h8.5A1.5 1.5 0 0 1 21 10v7.5a1.5 1.5 0 0 1-1.5 1.5h-15A1.5 1.5 0 0 1 3 17.5z" />`,
);
export const closeIcon = icon(svg`<path d="m6 6 12 12M18 6 6 18" />`);
export const plusIcon = icon(svg`<path d="M12 5v14M5 12h14" />`);
