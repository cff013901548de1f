/** @returns null, or the first difference in words */
export function compareOutputs(got: readonly string[], want: readonly string[]): string | null;
