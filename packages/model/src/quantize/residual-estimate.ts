/**
 * How large each channel of a transformer's states is, estimated from its weights alone: a channel's mean square is that of whatever is
 * written to it, and what a linear layer writes follows from the mean squares that it reads, taken as independent. Rough, but it finds the few
 * channels that are tens of times larger than the rest, which is what quantised activations need to know; and it needs no images, no
 * texts and no session.
 */

/** Mean squares after a linear layer `weight [N, K]` with `bias [N]` of inputs whose mean squares are `inputs [K]`. */
export function throughLinear(inputs: Float32Array, weight: Float32Array, bias: Float32Array): Float32Array {
  const K = inputs.length;
  return bias.map((offset, n) => {
    // Two sums, so that no addition waits for the one before it.
    let [even, odd] = [offset * offset, 0];
    for (let k = 1, at = n * K; k < K; k += 2, at += 2) {
      even += weight[at]! * weight[at]! * inputs[k - 1]!;
      odd += weight[at + 1]! * weight[at + 1]! * inputs[k]!;
    }
    const last = n * K + K - 1;
    return K % 2 === 0 ? even + odd : even + odd + weight[last]! * weight[last]! * inputs[K - 1]!;
  });
}

/** Mean squares after a LayerNorm with `weight [D]` and `bias [D]`. */
export function throughLayerNorm(inputs: Float32Array, weight: Float32Array, bias: Float32Array): Float32Array {
  const mean = inputs.reduce((a, b) => a + b, 0) / inputs.length;
  return inputs.map((square, i) => (weight[i]! * weight[i]! * square) / mean + bias[i]! * bias[i]!);
}

/** The mean square of each column of a table `[rows, columns]`. */
export function columnSquares(table: Float32Array, columns: number): Float32Array {
  const squares = new Float32Array(columns);
  const rows = table.length / columns;
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) squares[column]! += table[row * columns + column]! * table[row * columns + column]!;
  return squares.map((sum) => sum / rows);
}

/** The sum of squares of each row of a table `[rows, table.length / rows]`. */
export function rowSquares(table: Float32Array, rows: number): Float32Array {
  const columns = table.length / rows;
  return new Float32Array(rows).map((_, row) =>
    table.subarray(row * columns, (row + 1) * columns).reduce((sum, value) => sum + value * value, 0),
  );
}

/** Element-wise sums. */
export function sums(...terms: readonly Float32Array[]): Float32Array {
  return (terms[0] ?? new Float32Array()).map((_, i) => terms.reduce((sum, term) => sum + term[i]!, 0));
}
