/** Programs and hosts for the tests of tc. */
import type { Program } from "../../../sim/bpf/program.ts";
import type { Host } from "../../../sim/net/host.ts";
import type { Kernel } from "../../../sim/net/kernel.ts";
import type { Netdev } from "../../../sim/net/netdev.ts";
import type { Skb } from "../../../sim/net/skb.ts";
import { addHost } from "../../../sim/net/stack.ts";
import { program, testKernel, veth } from "../kit.ts";

/** A tc program from text. */
export function tcProg(host: Host, source: string): Program {
  return program(host, source, { kind: "sched_cls" });
}

/** A tc program that counts in r0's place: it answers `code`. */
export function answering(host: Host, code: number): Program {
  return tcProg(host, `r0 = ${code}\nexit`);
}

/** Two hosts with a veth pair: `a` sends, `b` receives. */
export interface Pair {
  readonly kernel: Kernel;
  readonly hostA: Host;
  readonly hostB: Host;
  readonly a: Netdev;
  readonly b: Netdev;
  /** Packets that passed b's ingress and reached the protocols, with their bytes. */
  readonly received: Uint8Array[];
  /** State of the packets received. */
  readonly seen: { readonly mark: number; readonly tcIndex: number; readonly priority: number; readonly dev: string }[];
}

/** The ethertype of the kit's frames. */
export const TEST_PROTO = 0x88b5;

/** Notes what reaches the protocols of a host. */
export function collect(host: Host, into: Uint8Array[], seen: Pair["seen"] = []): void {
  host.packetTypes.set(TEST_PROTO, (skb: Skb, dev: Netdev) => {
    const kernel = host.kernel;
    into.push(kernel.arena.u8.slice(skb.data, skb.data + skb.len));
    seen.push({ mark: skb.mark, tcIndex: skb.tcIndex, priority: skb.priority, dev: dev.name });
    kernel.consumeSkb(skb);
  });
}

/** @param idealCpu false: CPUs cost time */
export function pair(idealCpu: boolean = true): Pair {
  const kernel = testKernel(1, idealCpu);
  const hostA = addHost(kernel, "ha");
  const hostB = addHost(kernel, "hb");
  const [a, b] = veth(hostA, "va", hostB, "vb");
  const received: Uint8Array[] = [];
  const seen: Pair["seen"] = [];
  collect(hostB, received, seen);
  return { kernel, hostA, hostB, a, b, received, seen };
}
