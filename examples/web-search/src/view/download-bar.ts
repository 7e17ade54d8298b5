/**
 * How far a download is.
 */
import { html, type TemplateResult } from "lit-html";
import type { Download } from "../load-progress.js";
import { formatBytes } from "@chinese-clip/search-page";
import type { Messages } from "../messages.js";

/** A bar with its bytes; a bar without a value, which moves, while the total is not known, and while the model is started. */
export function downloadBar(download: Download | undefined, title: string, say: Messages): TemplateResult {
  const { loaded, total, fraction } = download ?? { loaded: 0, total: undefined, fraction: undefined };
  if (fraction === undefined || total === undefined)
    return html`<progress aria-label=${title} max="1"></progress> ${loaded < 1e5 ? title : `${title} · ${formatBytes(loaded)}`}`;
  if (fraction >= 1) return html`<progress aria-label=${title} max="1"></progress> ${say.starting}`;
  return html`<progress aria-label=${title} value=${fraction} max="1"></progress> ${title}
    ${say.percentOf(Math.floor(100 * fraction), formatBytes(loaded), formatBytes(total))}`;
}
