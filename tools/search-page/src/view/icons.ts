/**
 * The page's few icons, drawn as lines in the colour of the text.
 */
import { svg, type TemplateResult } from "lit-html";

const icon = (path: TemplateResult<2>): TemplateResult<2> => svg`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true">${path}</svg>`;

export const searchIcon = icon(svg`<path d="M4 11a7 7 0 1 0 14 0a7 7 0 1 0-14 0" /><path d="m20 20-4-4" />`);
export const imageIcon = icon(
  svg`<rect x="3" y="5" width="18" height="14" rx="2.5" /><path d="M7.5 10a1.5 1.5 0 1 0 3 0a1.5 1.5 0 1 0-3 0" /><path d="m4 17 5-4 3 2.5L16 11l5 5" />`,
);
export const folderIcon = icon(
  svg`<path d="M3 7.5A1.5 1.5 0 0 1 4.5 6H9l2 2.5h8.5A1.5 1.5 0 0 1 21 10v7.5a1.5 1.5 0 0 1-1.5 1.5h-15A1.5 1.5 0 0 1 3 17.5z" />`,
);
export const closeIcon = icon(svg`<path d="m6 6 12 12M18 6 6 18" />`);
export const plusIcon = icon(svg`<path d="M12 5v14M5 12h14" />`);
export const filterIcon = icon(svg`<path d="M4 7h16M7 12h10M10 17h4" />`);
export const copiesIcon = icon(
  svg`<rect x="8" y="8" width="12" height="12" rx="2.5" /><path d="M16 8V6.5A2.5 2.5 0 0 0 13.5 4h-7A2.5 2.5 0 0 0 4 6.5v7A2.5 2.5 0 0 0 6.5 16H8" />`,
);
export const helpIcon = icon(
  svg`<path d="M3 12a9 9 0 1 0 18 0a9 9 0 1 0-18 0" /><path d="M9.5 9.5a2.5 2.5 0 1 1 3.6 2.2c-.8.4-1.1.9-1.1 1.8M12 16.5v.1" />`,
);
export const backIcon = icon(svg`<path d="m14 6-6 6 6 6" />`);
export const forwardIcon = icon(svg`<path d="m10 6 6 6-6 6" />`);
