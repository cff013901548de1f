/** What the readers of map sections produce. */
import type { MapSpec, UnsupportedMapSpec } from "../spec.ts";

/** A map definition at its place in the object file. */
export interface MapEntry {
  /** Section number. */
  readonly section: number;
  /** Byte offset within the section. */
  readonly offset: number;
  readonly name: string;
  readonly map: MapSpec | UnsupportedMapSpec;
  /** netsim has the type: `map` is a MapSpec. */
  readonly supported: boolean;
}

/** The spec of a supported map. */
export function supportedMap(entry: MapEntry): MapSpec | null {
  return entry.supported ? (entry.map as MapSpec) : null;
}

const RINGBUF_PAGE = 4096;

/** Ring buffers are rounded up to a power of two of pages. @source libbpf adjust_ringbuf_sz */
export function ringbufEntries(bytes: number): number {
  if (bytes === 0) return 0;
  let size = RINGBUF_PAGE;
  while (size < bytes) size *= 2;
  return size > 0xffffffff ? bytes : size;
}
