/** Types of corpus.mjs, which plain node reads, too. */
export declare const sources: Readonly<Record<string, string>>;
export declare const frames: readonly { readonly name: string; readonly hex: string }[];
export declare const expressions: readonly string[];
export declare const checks: readonly (readonly [why: string, text: string])[];
export declare const sized: readonly string[];
export declare const SKF_AD_OFF: number;
export declare function numbers(seed: number): (below: number) => number;
export declare function randomProgram(seed: number): [code: number, jt: number, jf: number, k: number][];
export declare function decimal(insns: readonly (readonly number[])[]): string;
