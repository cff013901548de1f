/**
 * The trace: every tracepoint event of a run, in order, as a stream of msgpack values.
 *
 *     header   {format: "netsim-trace", version: 1, lab, seed, tracepoints: [[name, a, b], ...], reasons: {number: name}}
 *     device   [-1, index, "node:interface"]           before its first event
 *     event    [timeNs, tracepoint, device or -1, skb, len, a, b]
 *
 * `skb` is the packet's identity across hops. What a and b mean is in the header's table; "" is unused. The same lab, seed and
 * version give the same bytes.
 */
import { decodeMulti, Encoder } from "@msgpack/msgpack";
import { LabError } from "../engine/errors.ts";
import { REASON_COUNT, reasonName } from "../net/drop-reason.ts";
import type { Kernel } from "../net/kernel.ts";
import type { Netdev } from "../net/netdev.ts";
import type { Skb } from "../net/skb.ts";
import type { Sink } from "./sink.ts";

/** Grows when a reader of the version before would misread. */
export const TRACE_VERSION = 1;

export interface TraceHeader {
  readonly format: "netsim-trace";
  readonly version: number;
  readonly lab: string;
  readonly seed: number;
  /** Name and the names of a and b, by tracepoint index. */
  readonly tracepoints: readonly (readonly [string, string, string])[];
  /** Drop reasons by number, for skb:kfree_skb's a. */
  readonly reasons: Readonly<Record<string, string>>;
}

/** One event as a reader gets it. */
export interface TraceEvent {
  readonly timeNs: number;
  readonly tracepoint: string;
  /** `node:interface`, or "" when there is none. */
  readonly device: string;
  readonly skb: number;
  readonly len: number;
  readonly a: number;
  readonly b: number;
}

/**
 * Records all tracepoints into a sink.
 * @returns how to stop
 */
export function recordTrace(kernel: Kernel, lab: string, sink: Sink): () => void {
  const encoder = new Encoder();
  const put = (value: unknown): void => sink.write(encoder.encodeSharedRef(value));
  const tracepoints = kernel.tp.all();
  const reasons: Record<string, string> = {};
  for (let r = 0; r < REASON_COUNT; r++) if (!reasonName(r).startsWith("REASON_")) reasons[r] = reasonName(r);
  const header: TraceHeader = {
    format: "netsim-trace",
    version: TRACE_VERSION,
    lab,
    seed: kernel.streams.seed,
    tracepoints: tracepoints.map((t) => [t.name, t.fields[0], t.fields[1]] as const),
    reasons,
  };
  put(header);
  const devices = new DeviceNumbers(put);
  const { engine } = kernel;
  const stops = tracepoints.map((tp, index) =>
    tp.subscribe((skb: Skb, dev: Netdev | null, a: number, b: number) => {
      const device = dev === null ? -1 : devices.of(dev);
      put([engine.nowNs, index, device, skb.id, skb.len, a, b]);
    }),
  );
  return () => {
    for (const stop of stops) stop();
  };
}

/** Numbers devices in the order of their first events, and writes their names then. */
class DeviceNumbers {
  private readonly put: (value: unknown) => void;
  /** By host index, then ifindex; -1: not seen. An ifindex is never used again. */
  private readonly byHost: number[][] = [];
  private count: number = 0;

  constructor(put: (value: unknown) => void) {
    this.put = put;
  }

  of(dev: Netdev): number {
    return this.byHost[dev.host.index]?.[dev.ifindex] ?? this.add(dev);
  }

  private add(dev: Netdev): number {
    let row = this.byHost[dev.host.index];
    if (row === undefined) {
      row = [];
      this.byHost[dev.host.index] = row;
    }
    const n = this.count++;
    row[dev.ifindex] = n;
    this.put([-1, n, dev.label]);
    return n;
  }
}

/**
 * Reads a trace.
 * @throws LabError TRACE_FORMAT when the bytes are no trace, or one of another version; while reading, when it is cut off
 */
export function readTrace(bytes: Uint8Array): { readonly header: TraceHeader; readonly events: Generator<TraceEvent> } {
  const values = valuesOf(bytes);
  const header = values.next().value as TraceHeader | undefined;
  if (header?.format !== "netsim-trace" || header.version !== TRACE_VERSION) {
    throw new LabError([{ code: "TRACE_FORMAT", message: `not a netsim trace of version ${TRACE_VERSION}` }]);
  }
  return { header, events: eventsOf(header, values) };
}

function* valuesOf(bytes: Uint8Array): Generator<unknown, undefined> {
  try {
    yield* decodeMulti(bytes);
  } catch {
    throw new LabError([{ code: "TRACE_FORMAT", message: "the trace is cut off or damaged" }]);
  }
}

function* eventsOf(header: TraceHeader, values: Iterable<unknown>): Generator<TraceEvent> {
  const devices: string[] = [];
  for (const value of values) {
    const v = value as readonly [number, number, number | string, number, number, number, number];
    if (v[0] === -1) {
      devices[v[1]] = v[2] as string;
      continue;
    }
    yield {
      timeNs: v[0],
      tracepoint: header.tracepoints[v[1]]![0],
      device: devices[v[2] as number] ?? "",
      skb: v[3],
      len: v[4],
      a: v[5],
      b: v[6],
    };
  }
}
