/** What setup.mjs exports. */
export const SETUP: readonly string[];
export const SOCKETS: readonly {
  readonly address: string;
  readonly port: number;
  readonly device?: string;
  readonly peer?: string;
  readonly peerPort?: number;
}[];
