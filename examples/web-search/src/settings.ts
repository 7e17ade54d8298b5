/**
 * What the visitor chose, stored for the next visit.
 */
import { type Dtype, DTYPES, type ModelChoice } from "./model-choice.js";

/** The choices. */
export interface Settings {
  /** A model to fetch; undefined for the demo model. */
  readonly remote: { readonly source: string; readonly dtype: Dtype } | undefined;
  readonly labels: readonly string[];
  /** A sentence in which `{}` is the label. */
  readonly template: string;
}

const KEY = "chinese-clip-web-search";
const LABELS: readonly string[] = ["汽车", "猫", "月亮", "蘑菇", "房子"];

/** The choices of the last visit, or those of a first one. */
export function readSettings(): Settings {
  const stored = parse(localStorage.getItem(KEY) ?? "{}");
  const { remote, labels, template } = stored;
  const { source, dtype } = fieldsOf(remote);
  const known = DTYPES.find((name) => name === dtype);
  return {
    remote: typeof source === "string" && known !== undefined ? { source, dtype: known } : undefined,
    labels: Array.isArray(labels) && labels.length > 0 && labels.every((label) => typeof label === "string") ? labels : LABELS,
    template: typeof template === "string" && template.includes("{}") ? template : "{}",
  };
}

/** Stores the choices. */
export function writeSettings(settings: Settings): void {
  localStorage.setItem(KEY, JSON.stringify(settings));
}

/** The model that the settings name. */
export function chosenModel({ remote }: Settings): ModelChoice {
  return remote === undefined ? { kind: "demo" } : { kind: "remote", ...remote };
}

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    return fieldsOf(JSON.parse(text));
  } catch {
    return {};
  }
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
