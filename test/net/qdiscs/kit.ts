/** A device of its own for qdisc tests: what the driver takes is recorded with its time. */
import { Host } from "../../../sim/net/host.ts";
import type { HostBpf } from "../../../sim/net/host-bpf.ts";
import { Kernel } from "../../../sim/net/kernel.ts";
import { IFF_UP, NETDEV_TX_OK, Netdev, type NetdevOps, TxQueue } from "../../../sim/net/netdev.ts";
import type { QdiscBase } from "../../../sim/net/qdiscs/base.ts";
import { TC_H_ROOT } from "../../../sim/net/qdiscs/base.ts";
import { qdiscDef } from "../../../sim/net/qdiscs/index.ts";
import { parseQdiscWords } from "../../../sim/net/qdiscs/params.ts";
import { modifyQdisc } from "../../../sim/net/qdiscs/tree.ts";
import type { NapiOps } from "../../../sim/net/softirq.ts";
import { devQueueXmit, qdiscRun } from "../../../sim/net/transmit.ts";

export interface Sent {
  readonly atNs: number;
  readonly len: number;
  readonly id: number;
  readonly tag: number;
}

export interface QdiscKit {
  readonly kernel: Kernel;
  readonly dev: Netdev;
  readonly sent: Sent[];
  /** Sends a packet now; `tag` goes into its mark. */
  send(len: number, priority?: number, tag?: number): number;
  run(untilNs: number): void;
  root(): QdiscBase;
}

export function qdiscKit(command: string, queues: number = 1): QdiscKit {
  const kernel = new Kernel({ seed: 1, idealCpu: true });
  const host = new Host(kernel, "h", 0, {} as HostBpf);
  kernel.addCpu(host);
  const sent: Sent[] = [];
  const ops: NetdevOps = {
    kind: "test",
    noQueue: false,
    nativeXdp: false,
    open() {},
    stop() {},
    startXmit(skb) {
      sent.push({ atNs: kernel.engine.nowNs, len: skb.len, id: skb.id, tag: skb.mark });
      kernel.consumeSkb(skb);
      return NETDEV_TX_OK;
    },
    xdpXmit: () => 0,
    xdpSet: () => null,
    ethtoolStats: () => [],
  };
  const dev = new Netdev(host, "eth0", 2, ops, new Uint8Array(6), IFF_UP);
  for (let i = 0; i < queues; i++) dev.txQueues.push(new TxQueue(dev, i));
  const cpumapKthread: NapiOps = { poll: () => -1, flush() {} };
  const paths = { netifReceiveSkb() {}, netifRx: () => 0, devQueueXmit, qdiscRun, cpumapKthread };
  kernel.bind(null as never, null as never, paths);
  const [kind, ...words] = command.split(" ") as [string, ...string[]];
  const def = qdiscDef(kind)!;
  const parsed = def.parse?.(words) ?? parseQdiscWords(kind, def.params, words, def.refused, def.style);
  if (!parsed.ok) throw new Error(parsed.errors.join("\n"));
  modifyQdisc(dev, { verb: "add", def, options: parsed.options, parent: TC_H_ROOT, handle: 0x10000 });
  return {
    kernel,
    dev,
    sent,
    send(len, priority = 0, tag = 0) {
      const skb = kernel.allocSkb(len)!;
      skb.dev = dev;
      skb.priority = priority;
      skb.mark = tag;
      return devQueueXmit(skb);
    },
    run(untilNs) {
      while (!kernel.engine.run(untilNs, 1e6));
    },
    root: () => dev.rootQdisc as QdiscBase,
  };
}
