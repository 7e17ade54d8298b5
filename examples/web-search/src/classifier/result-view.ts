/** What was fitted: how good it is, as a file, and on other images. */
import { html, nothing, type TemplateResult } from "lit-html";
import { filesOf } from "../picked-files.js";
import { imageIcon, pickButton, shownName } from "@chinese-clip/search-page";
import type { FewShotResult } from "@chinese-clip/training/few-shot";
import type { Trial } from "./state.js";
import type { ClassifierView } from "./classifier-view.js";

/** Classes of a trial that are shown. */
const SHOWN = 3;

/** The classifier. */
export function resultSection(view: ClassifierView): unknown {
  const { state, app, say } = view;
  const { ready, isStale } = state;
  if (ready === undefined) return nothing;
  const { classifier, result, file } = ready;
  return html`<section class="result" aria-label=${say.resultTitle}>
    <h2>${say.resultTitle}</h2>
    ${file === undefined ? nothing : html`<p class="hint"><bdi>${say.opened(shownName(file))}</bdi> · ${say.methods[classifier.head.method]}</p>`}
    ${isStale && result !== undefined ? html`<p class="problem">${say.stale}</p>` : nothing}
    ${result === undefined ? nothing : scores(view, result)}
    ${result === undefined ? html`<p class="hint">${classifier.head.classes.map(shownName).join(" · ")}</p>` : nothing}
    <p class="buttons"><button class="main" @click=${() => app.save()}>${say.save}</button></p>
    <p class="hint">${say.saveHint}</p>
  </section>`;
}

function scores({ say }: ClassifierView, { classifier, folds, validation }: FewShotResult): TemplateResult {
  const { method, classes } = classifier.head;
  if (folds === 0)
    return html`<p>${say.methods[method]}</p>
      <p class="hint">${say.unmeasured}</p>`;
  const own = validation.find((score) => score.method === method);
  return html`<p class="hint">${say.accuracy(folds)}</p>
    <table>
      <tbody>
        ${validation.map(
          ({ method: name, accuracy }) =>
            html`<tr class=${name === method ? "best" : ""}>
              <th scope="row">${say.methods[name]}${name === method ? html` <small>${say.chosen}</small>` : nothing}</th>
              <td>
                <span class="bar"><i style="width:${100 * accuracy}%"></i></span>
              </td>
              <td class="number">${(100 * accuracy).toFixed(1)}%</td>
            </tr>`,
        )}
      </tbody>
    </table>
    <h3>${say.perClass}</h3>
    <ul class="per-class">
      ${classes.map((label, i) => {
        const row = [...(own?.confusion[i] ?? [])];
        const total = row.reduce((a, b) => a + b, 0);
        const wrong = row.flatMap((count, other) =>
          count > 0 && other !== i ? [say.mistakenFor(shownName(classes[other] ?? ""), count)] : [],
        );
        return html`<li>
          <bdi>${shownName(label)}</bdi> <span class="number">${say.rightOf(row[i] ?? 0, total)}</span> <small>${wrong.join(" · ")}</small>
        </li>`;
      })}
    </ul>`;
}

/** Other images. */
export function trySection({ state, app, say, hold }: ClassifierView): unknown {
  if (state.ready === undefined) return nothing;
  return html`<section
    class="try"
    aria-label=${say.tryTitle}
    @dragover=${(event: DragEvent) => {
      event.preventDefault();
      event.stopPropagation();
      hold(undefined);
    }}
    @drop=${(event: DragEvent) => {
      if (event.dataTransfer === null) return;
      event.preventDefault();
      event.stopPropagation();
      void filesOf(event.dataTransfer).then((files) => app.try(files));
    }}
  >
    <h2>${say.tryTitle}</h2>
    <p class="hint">${say.tryText}</p>
    <p class="buttons">
      ${pickButton({ name: "try", label: say.tryImages, icon: imageIcon, isFolder: false }, (files) => void app.try(files))}
    </p>
    <ul class="trials">
      ${state.trials.map((trial) => html`<li>${trialOf(trial, say)}</li>`)}
    </ul>
  </section>`;
}

function trialOf({ name, url, scores: found }: Trial, say: ClassifierView["say"]): TemplateResult {
  return html`${url === "" ? nothing : html`<img src=${url} alt=${name} />`}
    <div>
      <bdi class="hint">${shownName(name)}</bdi>
      ${
        found === undefined
          ? html`<p class="problem">${say.cannotRead}</p>`
          : found.slice(0, SHOWN).map(
              ({ label, score }, i) =>
                html`<p class="score ${i === 0 ? "best" : ""}">
                  <bdi>${shownName(label)}</bdi>
                  <span
                    class="bar"
                    role="meter"
                    aria-label=${say.probability(label)}
                    aria-valuemin="0"
                    aria-valuemax="100"
                    aria-valuenow=${(100 * score).toFixed(1)}
                    ><i style="width:${100 * score}%"></i
                  ></span>
                  <span class="number">${(100 * score).toFixed(1)}%</span>
                </p>`,
            )
      }
    </div>`;
}
