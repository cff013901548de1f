/** One neighbour: the next hop's MAC address and the state of what we know about it. @source include/net/neighbour.h */
import type { Netdev } from "../../netdev.ts";
import { SkbQueue } from "../../skb.ts";
import type { Family } from "../address.ts";
import type { IpStack } from "../ip-stack.ts";
import { NUD_NONE } from "./nud.ts";

/** An entry of the neighbour table (struct neighbour). */
export class Neighbour {
  readonly stack: IpStack;
  readonly dev: Netdev;
  readonly family: Family;
  /** Address words, see IpAddr. */
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
  /** NUD_*. */
  state: number = NUD_NONE;
  readonly mac: Uint8Array = new Uint8Array(6);
  /** The Ethernet header to this neighbour: three words and the ethertype, ready to store. */
  hh0: number = 0;
  hh1: number = 0;
  hh2: number = 0;
  hh3: number = 0;
  /** Bytes of that header; 0 on devices without one. */
  hhLen: number = 0;
  probes: number = 0;
  /** Times in ns of simulated time. */
  confirmedNs: number = 0;
  updatedNs: number = 0;
  usedNs: number = 0;
  /** When the state's timer expires, -1 when it is not running. */
  timerAtNs: number = -1;
  /** Time of the one event in the engine that counts, -1 when there is none. */
  eventAtNs: number = -1;
  /** Packets that wait for the address, their truesize. */
  readonly queue: SkbQueue = new SkbQueue();
  queueBytes: number = 0;
  /** NTF_ROUTER: it announced itself as an IPv6 router. */
  isRouter: boolean = false;
  /** Out of the table: look it up again. */
  dead: boolean = false;
  /** Hash chain. */
  next: Neighbour | null = null;

  constructor(stack: IpStack, dev: Netdev, family: Family, a: number, b: number, c: number, d: number) {
    this.stack = stack;
    this.dev = dev;
    this.family = family;
    this.a = a;
    this.b = b;
    this.c = c;
    this.d = d;
  }

  /** Recomputes the ready header (neigh_update_hhs, eth_header_cache). */
  updateHeader(etherType: number): void {
    const m = this.mac;
    const s = this.dev.mac;
    this.hhLen = this.dev.hardHeaderLen;
    this.hh0 = (m[0]! << 24) | (m[1]! << 16) | (m[2]! << 8) | m[3]!;
    this.hh1 = (m[4]! << 24) | (m[5]! << 16) | (s[0]! << 8) | s[1]!;
    this.hh2 = (s[2]! << 24) | (s[3]! << 16) | (s[4]! << 8) | s[5]!;
    this.hh3 = etherType;
  }
}
