/**
 * The transmit side of a NIC: descriptors that are in use until their frame has left, and the queue limit that keeps the backlog of a
 * slow wire in the qdisc, where it can be scheduled (BQL).
 *
 * @source lib/dynamic_queue_limits.c for the idea; the drivers' tx rings
 * @differs the limit is two full frames of wire time and does not adapt
 */
import type { EventKind } from "../../engine/engine.ts";
import type { Kernel } from "../kernel.ts";
import type { TxQueue } from "../netdev.ts";

const EMPTY: Float64Array = new Float64Array(0);

/** A ring of transmit descriptors: each is busy until the time at which its frame has been serialised. */
export class DescRing {
  readonly size: number;
  /** Made at first use: only wires with a rate need it. */
  private departs: Float64Array = EMPTY;
  private at: number = 0;

  constructor(size: number) {
    this.size = size;
  }

  /** Whether a descriptor is free. */
  free(nowNs: number): boolean {
    return this.departs === EMPTY || this.departs[this.at]! <= nowNs;
  }

  /** Uses the next descriptor. */
  use(departsNs: number): void {
    if (this.departs === EMPTY) this.departs = new Float64Array(this.size);
    this.departs[this.at] = departsNs;
    this.at = this.at + 1 === this.size ? 0 : this.at + 1;
  }

  /** Everything in it is gone. */
  clear(): void {
    if (this.departs !== EMPTY) this.departs.fill(0);
  }
}

const wakeEvents: WeakMap<Kernel, EventKind<TxQueue>> = new WeakMap();

/** Stops a queue until a later time, when transmit completion has made room: then its qdisc goes on. */
export function stopUntil(txq: TxQueue, atNs: number): void {
  const kernel = txq.dev.host.kernel;
  let kind = wakeEvents.get(kernel);
  if (kind === undefined) {
    kind = kernel.engine.defineEvent<TxQueue>("nic tx wake", wake);
    wakeEvents.set(kernel, kind);
  }
  txq.stopped = true;
  kernel.engine.schedule(Math.max(atNs, kernel.engine.nowNs), kind, txq, 0);
}

function wake(txq: TxQueue): void {
  if (!txq.stopped) return;
  txq.stopped = false;
  txq.dev.host.kernel.paths.qdiscRun(txq);
}
