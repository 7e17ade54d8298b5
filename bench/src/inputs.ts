/**
 * Seeded inputs: captions and images that are the same on every run and every machine.
 */

/** Numbers in [0, 1), by a linear congruential generator. */
export function* uniform(seed: number): Generator<number, never> {
  for (let state = seed >>> 0; ;) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state / 2 ** 32;
  }
}

/**
 * Captions of ideographs, each of which is one token; their lengths are spread evenly over a range.
 *
 * @param tokens - fewest and most tokens of a caption, `[CLS]` and `[SEP]` included.
 */
export function captions(count: number, [fewest, most]: readonly [number, number]): string[] {
  const random = uniform(7);
  return Array.from({ length: count }, () => {
    const length = fewest - 2 + Math.floor(random.next().value * (most - fewest + 1));
    return Array.from({ length }, () => String.fromCodePoint(0x4e00 + Math.floor(random.next().value * 20_000))).join("");
  });
}

/** Normalised pixels of images with smooth parts and some noise: float32 `[count, 3, side, side]`, about -2 to 2. */
export function pixelValues(count: number, side: number): Float32Array {
  const random = uniform(11);
  const values = new Float32Array(count * 3 * side * side);
  for (let i = 0; i < values.length; i++) {
    const [x, y, plane] = [i % side, Math.floor(i / side) % side, Math.floor(i / (side * side))];
    values[i] = 1.4 * Math.sin((x * (plane + 2) + y * (plane % 5)) / side) + 0.6 * random.next().value;
  }
  return values;
}
