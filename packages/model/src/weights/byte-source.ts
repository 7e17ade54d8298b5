/** Random access to the bytes of a file, wherever it lies. */
export interface ByteSource {
  /** Size in bytes. */
  readonly byteLength: number;
  /** The bytes `[start, end)`: exactly `end - start` of them, or a rejection. */
  read(start: number, end: number): Promise<Uint8Array>;
}

/** One file of a checkpoint. */
export interface CheckpointFile extends ByteSource {
  /** The file's name without its folder, such as `model.safetensors`; the graph refers to the weights by it. */
  readonly name: string;
  /** What tells this content from any other, where that is known without a read: a SHA-256, or a server's ETag. */
  readonly version?: string | undefined;
}
