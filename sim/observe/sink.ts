/** Where observers put their bytes; the command line gives files that appear whole or not at all. */
export interface Sink {
  /** Takes bytes in order; they may be reused by the caller afterwards. */
  write(bytes: Uint8Array): void;
}
