/**
 * A checkpoint that is asked for all that a model needs and, instead of failing at the first tensor that does not fit, remembers each.
 */
import { Checkpoint, CheckpointError, type StoredTensor, type WeightDtype } from "@chinese-clip/model";

/** Notes what is asked for and what is wrong with it. */
export class CheckedCheckpoint extends Checkpoint {
  /** Names of the tensors that were asked for and are there. */
  readonly used: Set<string> = new Set();
  /** What was wrong with those that are not, or not as they should be; one for each tensor. */
  readonly problems: Map<string, CheckpointError> = new Map();

  constructor(checkpoint: Checkpoint) {
    super(checkpoint.tensors, checkpoint.files, checkpoint.faults);
  }

  /** The reference; of a tensor that does not fit, one of the shape that was asked for, so that the graph can be built on. */
  override tensor(name: string, shape: readonly number[], dtypes?: readonly WeightDtype[]): StoredTensor {
    try {
      const found = super.tensor(name, shape, dtypes);
      this.used.add(name);
      return found;
    } catch (error) {
      if (!(error instanceof CheckpointError)) throw error;
      this.problems.set(name, error);
      return { dtype: dtypes?.[0] ?? "F32", shape, file: "", byteOffset: 0, byteLength: 0, transposed: false };
    }
  }
}
