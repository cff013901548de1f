/** One script for the runner. */
export interface TcpCase {
  readonly name: string;
  readonly why: string;
  readonly family?: 4 | 6;
  /** Without `net.ipv4.`. */
  readonly sysctl?: readonly string[];
  readonly script: readonly string[];
  /** Loss recovery takes part. */
  readonly loss?: boolean;
}
export const cases: readonly TcpCase[];
