/**
 * What went wrong, in the page's language, with the backend's message behind it; and what the visitor can do about it.
 */
import { html, nothing, type TemplateResult } from "lit-html";
import { explain } from "../words/explain.js";
import type { View } from "./view.js";

/** The note of an error. @param title - what cannot be done. */
export function errorNote({ state, say, options }: View, error: unknown, title = ""): TemplateResult {
  const { text, detail } = options.explain?.(error, state.language) ?? explain(error, state.language);
  return html`<div class="problem" role="alert">
    ${title === "" ? nothing : html`<strong>${title}</strong>`} ${text}
    <details>
      <summary>${say.technicalDetails}</summary>
      <span lang="en">${detail}</span>
    </details>
  </div>`;
}

/** The bar of a backend that does not answer: when it is asked again, and a button that does it now. */
export function connectionBar({ state, controller, say }: View): unknown {
  const { connection } = state;
  if (connection.status === "ok") return nothing;
  const seconds = Math.max(0, Math.ceil((connection.retryAt - Date.now()) / 1000));
  return html`<div class="connection" role="alert">
    <span><strong>${connection.error.code === "unreachable" ? say.away : say.busy}</strong> · ${say.retryIn(seconds)}</span>
    <button @click=${() => controller.retry()}>${say.retryNow}</button>
  </div>`;
}

/** Asks for the server's key. */
export function keyForm({ controller, say }: View): TemplateResult {
  return html`<form
    class="empty"
    @submit=${(event: SubmitEvent) => {
      event.preventDefault();
      const key = new FormData(event.currentTarget as HTMLFormElement).get("key");
      if (typeof key === "string" && key !== "") controller.useKey(key);
    }}
  >
    <h2>${say.keyTitle}</h2>
    <p>${say.keyText}</p>
    <p class="buttons">
      <input type="password" name="key" required autocomplete="current-password" aria-label=${say.keyLabel} placeholder=${say.keyLabel} />
      <button class="main">${say.keyUse}</button>
    </p>
  </form>`;
}
