/** What cases.mjs and setup.mjs export. */
export type Step = readonly [name: string, ...args: (number | string)[]];
export interface Result {
  readonly ret: number;
  readonly [field: string]: number | string;
}
export const STEP_BYTES: number;
export const RESULT_BYTES: number;
export const STEPS: number;
export const PROGRAMS: Readonly<
  Record<string, { readonly ops: unknown; readonly forSocket?: boolean; readonly forRoute?: boolean }>
>;
export function encodeStep(ops: unknown, step: Step): Uint8Array;
export function decodeResult(bytes: Uint8Array): Result;
