/**
 * The recorded sample: cases that the kernel accepted, and what it answered, as sample.msgpack.gz.
 *
 *     {kernel, cpus, cases: [{seed, request, answer}]}     request and answer in the layout of wire.ts
 */
import { readFileSync, writeFileSync } from "node:fs";
import { gunzipSync, gzipSync } from "node:zlib";
import { decode, encode } from "@msgpack/msgpack";

/** One case with its answer, as bytes. */
export interface SampleCase {
  /** generateCase made it of this seed; later generators may make another. */
  readonly seed: number;
  readonly request: Uint8Array;
  readonly answer: Uint8Array;
}

/** The whole sample. */
export interface Sample {
  /** `uname -r` of the kernel that answered. */
  readonly kernel: string;
  /** CPUs that its per-CPU maps had values of. */
  readonly cpus: number;
  readonly cases: readonly SampleCase[];
}

/** Reads a sample's file. */
export function readSample(path: string | URL): Sample {
  return decode(gunzipSync(readFileSync(path))) as Sample;
}

/** Writes it, the same bytes for the same sample. */
export function writeSample(path: string | URL, sample: Sample): void {
  writeFileSync(path, gzipSync(encode(sample), { level: 9 }));
}
