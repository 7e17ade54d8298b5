/** Operators that work element by element, with broadcasting. */
import type { Value } from "@chinese-clip/model";
import { type Backward, inputOf, type Rule } from "../rule.js";
import { divide, reshapeTo, scale, sumTo, unary } from "../steps.js";

/** d(a + b) */
const add: Rule = (backward) => bothOf(backward, (gradient) => [gradient, gradient]);

/** d(a - b) */
const sub: Rule = (backward) => bothOf(backward, (gradient) => [gradient, () => unary(backward.graph, "Neg", gradient)]);

/** d(a b) */
const mul: Rule = (backward) => {
  const { graph } = backward;
  const [a, b] = [inputOf(backward, 0), inputOf(backward, 1)];
  return bothOf(backward, (gradient) => [() => graph.mul(gradient, b), () => graph.mul(gradient, a)]);
};

/** d(a / b) = da / b - db y / b */
const div: Rule = (backward) => {
  const { graph, outputs } = backward;
  const b = inputOf(backward, 1);
  return bothOf(backward, (gradient) => [
    () => divide(graph, gradient, b),
    () => unary(graph, "Neg", divide(graph, graph.mul(gradient, outputs[0] ?? gradient), b)),
  ]);
};

/** dx = dy e^x */
const exp: Rule = ({ graph, outputs: [y], gradient }) => [y && graph.mul(gradient, y)];

/** dx = dy / (2 sqrt(x)) */
const sqrt: Rule = ({ graph, outputs: [y], gradient }) => [y && divide(graph, scale(graph, gradient, 0.5), y)];

/** dx = -dy */
const neg: Rule = ({ graph, gradient }) => [unary(graph, "Neg", gradient)];

/** dx = dy (1 - y^2) */
const tanh: Rule = ({ graph, outputs: [y], gradient }) => [y && graph.mul(gradient, graph.sub(graph.number(1), graph.mul(y, y)))];

/** dx = dy where y > 0, else 0 */
const relu: Rule = ({ graph, outputs: [y], gradient }) => {
  if (y === undefined) return [];
  const isPositive = graph.apply("Greater", [y, graph.number(0)], { type: "bool", dims: y.dims });
  return [graph.apply("Where", [isPositive, gradient, graph.number(0)], gradient)];
};

/** `x Phi(x)` has the slope `Phi(x) + x phi(x)`. */
const gelu: Rule = (backward) => {
  const { graph, gradient } = backward;
  const x = inputOf(backward, 0);
  const erf = unary(graph, "Erf", scale(graph, x, Math.SQRT1_2));
  const cdf = scale(graph, graph.add(erf, graph.number(1)), 0.5);
  const density = scale(graph, unary(graph, "Exp", scale(graph, graph.mul(x, x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
  return [graph.mul(gradient, graph.add(cdf, graph.mul(x, density)))];
};

/** `x sigmoid(a x)`, where s is the sigmoid, has the slope `s (1 + a x (1 - s))`. */
const quickGelu: Rule = (backward) => {
  const { graph, node, gradient } = backward;
  const x = inputOf(backward, 0);
  const alpha = node.attributes["alpha"]?.kind === "float" ? node.attributes["alpha"].value : 1.702;
  const scaled = scale(graph, x, alpha);
  const sigmoid = unary(graph, "Sigmoid", scaled);
  const slope = graph.add(graph.mul(scaled, graph.sub(graph.number(1), sigmoid)), graph.number(1));
  return [graph.mul(gradient, graph.mul(sigmoid, slope))];
};

/** Differentiates `x (1 + tanh u) / 2`, where `u = sqrt(2 / pi) (x + 0.044715 x^3)`. */
const fastGelu: Rule = (backward) => {
  const { graph, gradient } = backward;
  const x = inputOf(backward, 0);
  const c = Math.sqrt(2 / Math.PI);
  const square = graph.mul(x, x);
  const u = graph.mul(x, graph.add(scale(graph, square, 0.044715 * c), graph.number(c)));
  const slope = graph.add(scale(graph, square, 3 * 0.044715 * c), graph.number(c)); // du / dx
  const t = graph.tanh(u);
  const half = scale(graph, graph.add(t, graph.number(1)), 0.5);
  const rest = scale(graph, graph.mul(graph.mul(x, slope), graph.sub(graph.number(1), graph.mul(t, t))), 0.5);
  return [graph.mul(gradient, graph.add(half, rest))];
};

/** The value itself, in the same dtype. */
const identity: Rule = ({ gradient }) => [gradient];

/** Between floating-point dtypes; an integer has no gradient. */
const cast: Rule = (backward) => {
  const { type } = inputOf(backward, 0);
  return type.startsWith("float") ? [backward.graph.cast(backward.gradient, type)] : [undefined];
};

/** Rules by the operator's name. */
export const ELEMENTWISE: Readonly<Record<string, Rule>> = {
  Add: add,
  Sub: sub,
  Mul: mul,
  Div: div,
  Exp: exp,
  Sqrt: sqrt,
  Neg: neg,
  Tanh: tanh,
  Relu: relu,
  Gelu: gelu,
  QuickGelu: quickGelu,
  FastGelu: fastGelu,
  Identity: identity,
  Cast: cast,
};

type Lazy = Value | (() => Value);

/** Both inputs' gradients, each summed to its input's shape, and made where it is wanted only. */
function bothOf(backward: Backward, gradients: (gradient: Value) => readonly [Lazy, Lazy]): (Value | undefined)[] {
  const { graph, gradient, wants } = backward;
  return gradients(gradient).map((lazy, i) => {
    if (!wants(i)) return undefined;
    const full = typeof lazy === "function" ? lazy() : lazy;
    const input = inputOf(backward, i);
    return input.dims.length === 0 ? reshapeTo(graph, sumTo(graph, full, input), []) : sumTo(graph, full, input);
  });
}
