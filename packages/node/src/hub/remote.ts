/**
 * What a hub is asked, whichever hub it is. One Remote is one model at one endpoint.
 */

/** A model's files at one moment. */
export interface Snapshot {
  /** Names the moment: a git commit, or what the hub has instead. */
  readonly commit: string;
  /** All files; undefined where the server cannot list them. */
  readonly names: readonly string[] | undefined;
}

/** One file as the hub has it. */
export interface RemoteFile {
  /** Where its bytes are asked for. */
  readonly url: string;
  /** The content's name, without quotes. */
  readonly etag: string;
  /** Bytes, if the server said. */
  readonly size: number | undefined;
}

/** One model at one endpoint of a hub. */
export interface Remote {
  /**
   * What a branch, tag or commit is now.
   *
   * @throws HubError - as requests do; `not-found`.
   */
  resolve(revision: string): Promise<Snapshot>;
  /**
   * Where a file's bytes are, or undefined where there is no such file.
   *
   * @throws HubError - as requests do.
   */
  locate(commit: string, name: string): Promise<RemoteFile | undefined>;
}
