/** A tower's graph with something put in: operators behind some of its nodes, more inputs, more parameters. */
import type { Attribute, Dimension, ElementType, Graph, Initializer, Node, Storage, Value } from "@chinese-clip/model";

/** A graph under rewriting. */
export class GraphRewrite {
  readonly #source: Graph;
  readonly #inputs: string[];
  readonly #nodes: Node[] = [];
  readonly #values: Map<string, Value>;
  readonly #parameters: Map<string, Storage>;
  readonly #initializers: Map<string, Initializer>;
  /** What stands for a value behind the place where it was replaced. */
  readonly #replaced: Map<string, string> = new Map();

  constructor(source: Graph) {
    this.#source = source;
    this.#inputs = [...source.inputs];
    this.#values = new Map(source.values);
    this.#parameters = new Map(source.parameters);
    this.#initializers = new Map(source.initializers);
  }

  /** Goes through the nodes in their order. @param visit - called when a node is in the new graph; gives the node that takes its place. */
  rewrite(visit: (node: Node) => Node | undefined): Graph {
    for (const node of this.#source.nodes) {
      const inputs = node.inputs.map((name) => this.#replaced.get(name) ?? name);
      this.#nodes.push({ ...node, inputs });
      const at = this.#nodes.length - 1;
      const other = visit({ ...node, inputs });
      if (other === undefined) continue;
      this.#nodes.splice(at, 1);
      this.#nodes.push(other);
    }
    return {
      ...this.#source,
      inputs: this.#inputs,
      nodes: this.#nodes,
      values: this.#values,
      parameters: this.#parameters,
      initializers: this.#initializers,
    };
  }

  /** Type and shape of a value. */
  value(name: string): Value {
    const value = this.#values.get(name);
    if (value === undefined) throw new TypeError(`rewrite: expected a value ${name} in the graph ${this.#source.name}, got none`);
    return value;
  }

  /** Another input. */
  input(name: string, type: ElementType, dims: readonly Dimension[]): Value {
    this.#inputs.push(name);
    return this.#add({ name, type, dims });
  }

  /** Another parameter, which no file has. */
  parameter(name: string, dims: readonly number[]): Value {
    const tensor = { dtype: "F32", shape: dims, file: "", byteOffset: 0, byteLength: 0, transposed: false } as const;
    this.#parameters.set(name, { kind: "float", tensor });
    return this.#add({ name, type: "float32", dims });
  }

  /** One number. */
  number(value: number): Value {
    const initializer = {
      name: `float32_${value}`,
      type: "float32",
      dims: [],
      data: new Uint8Array(Float32Array.of(value).buffer),
    } as const;
    this.#initializers.set(initializer.name, initializer);
    return this.#add({ name: initializer.name, type: "float32", dims: [] });
  }

  /** A shape. */
  shape(content: readonly Dimension[]): Value {
    return this.#add({ name: `shape[${content.join(",")}]`, type: "int64", dims: [content.length], content });
  }

  /** An operator behind the node that is visited. @param name - of its result. */
  apply(
    name: string,
    opType: string,
    inputs: readonly Value[],
    { type, dims }: Pick<Value, "type" | "dims">,
    attributes: Readonly<Record<string, Attribute>> = {},
  ): Value {
    this.#nodes.push({ opType, domain: "", inputs: inputs.map((input) => input.name), outputs: [name], attributes });
    return this.#add({ name, type, dims });
  }

  /** Puts a value in another's place, for all nodes behind the one that is visited. */
  replace(name: string, value: Value): void {
    this.#replaced.set(name, value.name);
  }

  /** Gives a value another shape. */
  reshape(value: Value): void {
    this.#values.set(value.name, value);
  }

  #add(value: Value): Value {
    this.#values.set(value.name, value);
    return value;
  }
}
