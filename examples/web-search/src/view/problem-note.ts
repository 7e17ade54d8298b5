/**
 * What went wrong, in the page's language, with the library's message behind it.
 */
import { html, nothing, type TemplateResult } from "lit-html";
import type { Problem } from "../app-state.js";
import { explain } from "../explain.js";
import type { View } from "./view.js";

/** The note of a problem. */
export function problemNote(view: View, problem: Problem): TemplateResult {
  if (problem.kind === "error") return errorNote(view, problem.error);
  return html`<p class="problem" role="alert">${view.say.noPicture}</p>`;
}

/** The note of an error. @param title - what cannot be done. */
export function errorNote({ state, say }: View, error: unknown, title = ""): TemplateResult {
  const { text, detail } = explain(error, state.settings.language);
  return html`<div class="problem" role="alert">
    ${title === "" ? nothing : html`<strong>${title}</strong>`} ${text}
    <details>
      <summary>${say.technicalDetails}</summary>
      <span lang="en">${detail}</span>
    </details>
  </div>`;
}
