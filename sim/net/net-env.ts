/**
 * What network helpers see: the machine's environment and the packet in work. One per simulation; whoever runs a program sets the
 * fields before and restores them after (runs nest: bpf_clone_redirect runs the target's egress programs inside a helper).
 */
import type { BpfEnv } from "../bpf/env.ts";
import type { BpfMap } from "../bpf/map.ts";
import type { CpumapEntry } from "../bpf/maps/cpumap.ts";
import type { DevmapBase } from "../bpf/maps/devmap-entry.ts";
import type { FibApi } from "./fib-api.ts";
import type { SkbCode } from "./helpers/code/skb-code.ts";
import type { XdpCode } from "./helpers/code/xdp-code.ts";
import type { Host } from "./host.ts";
import type { Kernel } from "./kernel.ts";
import type { KernelStructs } from "./kernel-structs/kernel-structs.ts";
import type { Netdev } from "./netdev.ts";
import type { Seg6BpfState } from "./seg6/bpf-state.ts";
import type { Skb } from "./skb.ts";
import type { BpfSocket, BpfSockets } from "./sockets/bpf-sock.ts";
import type { Cpu } from "./softirq.ts";
import type { SkbContexts } from "./tc/skb-context.ts";

/** RedirectInfo.kind: no helper was called. */
const REDIRECT_NONE = 0;
/** bpf_redirect, by ifindex. */
export const REDIRECT_IFINDEX = 1;
/** bpf_redirect_map; `map`, `tgtIndex` (the key) and `flags` are set. */
export const REDIRECT_MAP = 2;
/** bpf_redirect_peer. */
export const REDIRECT_PEER = 3;
/** bpf_redirect_neigh. */
export const REDIRECT_NEIGH = 4;
/** bpf_redirect_map with a cpumap; `cpu` is set. */
export const REDIRECT_CPU = 5;

/** struct bpf_redirect_info: what a redirect helper asked for; read after the program returned 4 or 7. */
export class RedirectInfo {
  tgtIndex: number = 0;
  /** Hi word is never used: flags fit 32 bits. */
  flags: number = 0;
  /** Set by bpf_redirect_map. */
  map: DevmapBase | null = null;
  /** Set by bpf_redirect_map with a cpumap. */
  cpu: CpumapEntry | null = null;
  /** Which helper: REDIRECT_*. */
  kind: number = REDIRECT_NONE;
  /** redirect_neigh's params: address family (0 none, 2, 10) and the next hop's bytes in network order. */
  nhFamily: number = 0;
  readonly nh: Uint8Array = new Uint8Array(16);

  reset(): void {
    this.tgtIndex = 0;
    this.flags = 0;
    this.map = null;
    this.cpu = null;
    this.kind = REDIRECT_NONE;
    this.nhFamily = 0;
  }
}

/** A line of bpf_trace_printk, as it comes out of trace_pipe. */
export interface TraceLine {
  readonly atNs: number;
  readonly cpu: number;
  readonly text: string;
}

/** A record that a program sent to user space. */
export interface UserRecord {
  readonly atNs: number;
  readonly map: BpfMap;
  /** The CPU whose perf buffer got it, -1 for a ring buffer. */
  readonly cpu: number;
  readonly data: Uint8Array;
}

/** What the network's helpers see: the packet, the host and the redirect of the program that runs. */
export interface NetEnv extends BpfEnv {
  readonly kernel: Kernel;
  readonly redirect: RedirectInfo;
  /** Address of a word that is not 0 while the context of an XDP program knows better than the packet where that lies. */
  readonly packetMoved: number;
  /** Takes over where helpers' code has moved the packet. */
  settlePacket(): void;
  /** The helpers' code for XDP programs. */
  readonly xdpCode: XdpCode;
  /** The helpers' code for programs on socket buffers. */
  readonly skbCode: SkbCode;
  /** Contexts of socket-buffer programs; a ctx address that is not one of them is an xdp_md. */
  readonly skbContexts: SkbContexts;
  /** Routes and neighbours, bound by the IP layer; null while there is none. */
  fib: FibApi | null;
  /** Set before each run. */
  host: Host;
  currentCpu: Cpu;
  /**
   * The packet in work and the address of its context (xdp_md or __sk_buff). Whoever reads `skb` sees the packet where helpers' code
   * has moved it; who has the packet at hand calls `settlePacket` after the run.
   */
  skb: Skb;
  ctx: number;
  dev: Netdev;
  /** The socket that a program on no packet works for (sock_ops, cgroup_sock_addr); null in all others. */
  sk: BpfSocket | null;
  /** What the system call that a cgroup's program watches will answer: 0 or -errno. */
  cgroupRetval: number;
  /** The segment routing header of the packet in work, where End.BPF runs a program. */
  readonly seg6: Seg6BpfState;
  /** Bytes of options that a TCP header still takes (remaining_opt_len of sock_ops). */
  optionRoom: number;
  /** Sockets as programs see them. */
  readonly sockets: BpfSockets;
  /** The kernel's structs as programs see them; made at the first question. */
  readonly structs: KernelStructs;
  /** After a VerifierError was thrown out of a run: forgets the runs that were under way. */
  resetRuns(): void;
}
