/**
 * The bus of events, under Linux's own names. Whoever fires tests `on` first: a tracepoint that nobody listens to costs one test.
 *
 *     if (tp.kfreeSkb.on) tp.kfreeSkb.fire(skb, dev, reason, 0);
 */
import type { Netdev } from "./netdev.ts";
import type { Skb } from "./skb.ts";

/** Gets the packet as it is at that moment; must not keep it. The meaning of a and b is the tracepoint's. */
export type TraceListener = (skb: Skb, dev: Netdev | null, a: number, b: number) => void;

class Tracepoint {
  /** `skb:kfree_skb`. */
  readonly name: string;
  /** Names of a and b in traces; "" when unused. */
  readonly fields: readonly [string, string];
  /** Somebody listens. */
  on: boolean = false;
  private listeners: readonly TraceListener[] = [];

  constructor(name: string, a: string, b: string) {
    this.name = name;
    this.fields = [a, b];
  }

  fire(skb: Skb, dev: Netdev | null, a: number, b: number): void {
    const list = this.listeners;
    for (let i = 0; i < list.length; i++) list[i]!(skb, dev, a, b);
  }

  /** @returns how to stop listening */
  subscribe(listener: TraceListener): () => void {
    this.listeners = [...this.listeners, listener];
    this.on = true;
    return () => {
      this.listeners = this.listeners.filter((l) => l !== listener);
      this.on = this.listeners.length > 0;
    };
  }
}

/** All tracepoints of one simulation. */
export class Tracepoints {
  /** A frame entered the wire; a: wire direction's index. */
  readonly wireTx: Tracepoint = new Tracepoint("wire:tx", "", "");
  /** A frame left the wire. */
  readonly wireRx: Tracepoint = new Tracepoint("wire:rx", "", "");
  /** Native or generic XDP ran; a: verdict, b: program id. */
  readonly xdpRun: Tracepoint = new Tracepoint("xdp:xdp_run", "act", "prog_id");
  readonly xdpException: Tracepoint = new Tracepoint("xdp:xdp_exception", "act", "prog_id");
  readonly xdpRedirect: Tracepoint = new Tracepoint("xdp:xdp_redirect", "to_ifindex", "prog_id");
  readonly xdpRedirectErr: Tracepoint = new Tracepoint("xdp:xdp_redirect_err", "to_ifindex", "err");
  /** A CPU's bulk went into a cpumap entry's queue; the packet is its first one; b: those of it that found no room. */
  readonly xdpCpumapEnqueue: Tracepoint = new Tracepoint("xdp:xdp_cpumap_enqueue", "processed", "drops");
  /** The kthread of a cpumap entry took a batch; the packet is its last one; b: 1 when the kthread had slept before. */
  readonly xdpCpumapKthread: Tracepoint = new Tracepoint("xdp:xdp_cpumap_kthread", "processed", "sched");
  readonly netifRx: Tracepoint = new Tracepoint("net:netif_rx", "", "");
  readonly netifReceiveSkb: Tracepoint = new Tracepoint("net:netif_receive_skb", "", "");
  readonly netDevQueue: Tracepoint = new Tracepoint("net:net_dev_queue", "", "");
  readonly netDevStartXmit: Tracepoint = new Tracepoint("net:net_dev_start_xmit", "queue", "");
  readonly netDevXmit: Tracepoint = new Tracepoint("net:net_dev_xmit", "rc", "");
  readonly qdiscEnqueue: Tracepoint = new Tracepoint("qdisc:qdisc_enqueue", "handle", "");
  readonly qdiscDequeue: Tracepoint = new Tracepoint("qdisc:qdisc_dequeue", "handle", "");
  /** A tc program ran; a: return code, b: program id. */
  readonly tcRun: Tracepoint = new Tracepoint("tc:run", "rc", "prog_id");
  /** a: reason. */
  readonly kfreeSkb: Tracepoint = new Tracepoint("skb:kfree_skb", "reason", "");
  readonly consumeSkb: Tracepoint = new Tracepoint("skb:consume_skb", "", "");

  /** All of them, in a fixed order: the trace's table of names. */
  all(): readonly Tracepoint[] {
    return [
      this.wireTx,
      this.wireRx,
      this.xdpRun,
      this.xdpException,
      this.xdpRedirect,
      this.xdpRedirectErr,
      this.xdpCpumapEnqueue,
      this.xdpCpumapKthread,
      this.netifRx,
      this.netifReceiveSkb,
      this.netDevQueue,
      this.netDevStartXmit,
      this.netDevXmit,
      this.qdiscEnqueue,
      this.qdiscDequeue,
      this.tcRun,
      this.kfreeSkb,
      this.consumeSkb,
    ];
  }
}
