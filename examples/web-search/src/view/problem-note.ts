/**
 * What went wrong, in the page's language, with the library's message behind it.
 */
import { html, nothing, type TemplateResult } from "lit-html";
import { explainModel } from "../explain.js";
import type { View } from "./view.js";

/** The note of the state's problem. */
export function problemNote(view: View): unknown {
  const { problem } = view.state;
  if (problem === undefined) return nothing;
  if (problem.kind === "error") return errorNote(view, problem.error);
  return html`<p class="problem" role="alert">${view.say.noImage}</p>`;
}

/** The note of an error. @param title - what cannot be done. */
export function errorNote({ language, words }: View, error: unknown, title = ""): TemplateResult {
  const { text = "", detail = "" } = explainModel(error, language) ?? {};
  return html`<div class="problem" role="alert">
    ${title === "" ? nothing : html`<strong>${title}</strong>`} ${text}
    <details>
      <summary>${words.technicalDetails}</summary>
      <span lang="en">${detail}</span>
    </details>
  </div>`;
}
