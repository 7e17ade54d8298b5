/**
 * The part of a graph that one of its values depends on.
 */
import { CheckpointError, malformed, quote } from "../../checkpoint-error.js";
import type { OnnxModel, OnnxNode } from "../onnx-model.js";

/** A value, and the operator that gives it; none gives an input or an initializer. */
export interface Origin {
  readonly name: string;
  readonly producer: OnnxNode | undefined;
}

/** A graph by its values' names. */
export class ValueGraph {
  readonly model: OnnxModel;
  readonly #file: { readonly name: string };
  readonly #producers: Map<string, OnnxNode> = new Map();
  readonly #inputs: ReadonlySet<string>;
  readonly #origins: Map<string, Origin> = new Map();

  /**
   * @param file - for messages.
   * @throws {@link CheckpointError} `malformed`: two operators give a value of one name.
   */
  constructor(file: { readonly name: string }, model: OnnxModel) {
    this.model = model;
    this.#file = file;
    // Until IR version 3 each initializer was an input too, and could be fed; as a plain constant it can be folded.
    this.#inputs = new Set(model.inputs.map(({ name }) => name).filter((name) => !model.initializers.has(name)));
    for (const node of model.nodes) {
      for (const name of node.outputs) {
        if (name === "") continue;
        if (this.#producers.has(name) || this.has(name)) malformed(file, `expected one value ${quote(name)}, got two`);
        this.#producers.set(name, node);
      }
    }
  }

  /** Whether there is a value of this name. */
  has(name: string): boolean {
    return this.#producers.has(name) || this.#inputs.has(name) || this.model.initializers.has(name);
  }

  /** The operator that gives this value; none gives an input or an initializer. */
  producer(name: string): OnnxNode | undefined {
    return this.#producers.get(name);
  }

  /** What gives this value, operators that only copy or convert it left out. */
  origin(name: string): Origin {
    const path: string[] = [];
    let current = name;
    let found = this.#origins.get(current);
    while (found === undefined) {
      const node = this.#producers.get(current);
      const [source] = node?.inputs ?? [];
      if (node === undefined || source === undefined || !(node.opType === "Identity" || node.opType === "Cast")) {
        found = { name: current, producer: node };
        break;
      }
      path.push(current);
      if (path.length > this.model.nodes.length) malformed(this.#file, `value ${quote(name)}: expected a graph without cycles`);
      current = source;
      found = this.#origins.get(current);
    }
    // Remembered for all on the way, so that a long way is gone once.
    for (const passed of path) this.#origins.set(passed, found);
    return found;
  }

  /**
   * What a value depends on.
   *
   * @returns operators in the graph's order, initializers, and names of inputs.
   * @throws {@link CheckpointError} `malformed`: a value that nothing gives.
   */
  ancestors(name: string): Pick<OnnxModel, "nodes" | "initializers"> & { readonly inputs: ReadonlySet<string> } {
    const seen = new Set<string>();
    const nodes = new Set<OnnxNode>();
    const inputs = new Set<string>();
    const pending = [name];
    for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
      if (seen.has(value) || value === "") continue;
      seen.add(value);
      const node = this.#producers.get(value);
      if (node !== undefined) {
        nodes.add(node);
        for (const input of node.inputs) pending.push(input);
      } else if (this.#inputs.has(value)) inputs.add(value);
      else if (!this.model.initializers.has(value))
        malformed(this.#file, `value ${quote(value)}: expected an operator that gives it, got none`);
    }
    return {
      nodes: this.model.nodes.filter((node) => nodes.has(node)),
      initializers: new Map([...this.model.initializers].filter(([tensor]) => seen.has(tensor))),
      inputs,
    };
  }

  /** Throws that this graph lacks what is asked of it. */
  unsupported(message: string, details: Readonly<Record<string, unknown>> = {}): never {
    throw new CheckpointError("unsupported-graph", `${this.#file.name}: ${message}`, { file: this.#file.name, ...details });
  }
}
