/**
 * The clock of one sender: an engine target that calls for one packet an event.
 *
 * A sender needs its CPU to send. While the CPU is busy the packet waits, once: then it takes its turn, as the scheduler would see to
 * it. One that has fallen behind sends as fast as the CPU lets it until it has caught up.
 */
import type { EventKind } from "../engine/engine.ts";
import type { Host } from "../net/host.ts";
import type { Kernel } from "../net/kernel.ts";

/** Makes packets when the loop says so. */
export interface PacketSource {
  /** Packets sent so far. */
  readonly sent: number;
  /** false: the host is down or has not opened the sender's sockets again. */
  ready(): boolean;
  /**
   * Sends the next packet, now.
   * @returns when the next one should go, ns; a time that has passed means at once, Infinity not before the loop is woken
   */
  sendNext(): number;
  /** Called instead while the source is not ready. @returns when the next one should go, as for sendNext */
  skip(): number;
}

const kinds: WeakMap<Kernel, EventKind<SendLoop>> = new WeakMap();

function kindOf(kernel: Kernel): EventKind<SendLoop> {
  let kind = kinds.get(kernel);
  if (kind === undefined) {
    kind = kernel.engine.defineEvent<SendLoop>("traffic send", (loop) => loop.onTurn());
    kinds.set(kernel, kind);
  }
  return kind;
}

export class SendLoop {
  /** No event is under way: the source answered Infinity, or the end was reached. */
  idle: boolean = true;
  private readonly host: Host;
  private readonly source: PacketSource;
  private readonly stopNs: number;
  private readonly packets: number;
  private readonly kind: EventKind<SendLoop>;
  private stopped: boolean = false;
  private waited: boolean = false;

  /**
   * @param stopNs no packet is sent at or after it
   * @param packets how many to send; may be Infinity
   */
  constructor(host: Host, source: PacketSource, stopNs: number, packets: number) {
    this.host = host;
    this.source = source;
    this.stopNs = stopNs;
    this.packets = packets;
    this.kind = kindOf(host.kernel);
  }

  /** Starts it, or wakes an idle one. A time that has passed means at once. */
  wakeAt(atNs: number): void {
    if (this.idle) this.arm(atNs);
  }

  /** Ends it. */
  stop(): void {
    this.stopped = true;
  }

  /** The handler of its event. */
  onTurn(): void {
    this.idle = true;
    if (this.stopped) return;
    const cpu = this.host.cpu();
    if (!cpu.ideal && !this.waited && cpu.busyUntilNs > this.host.kernel.engine.nowNs) {
      this.waited = true;
      this.arm(cpu.busyUntilNs);
      return;
    }
    this.waited = false;
    this.arm(this.source.ready() ? this.source.sendNext() : this.source.skip());
  }

  private arm(atNs: number): void {
    const engine = this.host.kernel.engine;
    const at = Math.max(atNs, engine.nowNs);
    if (this.stopped || at >= this.stopNs || this.source.sent >= this.packets) return;
    this.idle = false;
    engine.schedule(at, this.kind, this, 0);
  }
}
