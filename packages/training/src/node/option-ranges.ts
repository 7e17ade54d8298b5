/** Numbers among the options of a run: each is returned, or rejected with its range. */

/** An integer of at least `least`. @throws RangeError. */
export function integer(name: string, value: number, least: number): number {
  if (!Number.isSafeInteger(value) || value < least)
    throw new RangeError(`${name}: expected an integer of at least ${least}, got ${value}`);
  return value;
}

/** A finite number above 0. @throws RangeError. */
export function positive(name: string, value: number): number {
  if (!(value > 0 && Number.isFinite(value))) throw new RangeError(`${name}: expected a number above 0, got ${value}`);
  return value;
}

/** A finite number of at least `least`. @throws RangeError. */
export function atLeast(name: string, value: number, least: number): number {
  if (!(value >= least && Number.isFinite(value))) throw new RangeError(`${name}: expected a number of at least ${least}, got ${value}`);
  return value;
}
