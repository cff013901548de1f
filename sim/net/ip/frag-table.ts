/** Datagrams in reassembly: the records. The work is done in reassembly.ts. */
import type { Netdev } from "../netdev.ts";
import type { Skb } from "../skb.ts";
import type { IpStack } from "./ip-stack.ts";

/** One fragment: its bytes of the payload lie at `addr`. */
export interface Fragment {
  readonly skb: Skb;
  readonly addr: number;
  readonly start: number;
  readonly end: number;
}

/** One datagram (struct inet_frag_queue). */
export class FragQueue {
  readonly stack: IpStack;
  readonly table: FragTable;
  readonly key: string;
  readonly dev: Netdev;
  readonly v6: boolean;
  /** By offset. */
  readonly parts: Fragment[] = [];
  /** Bytes of the whole payload, -1 until the last fragment came. */
  total: number = -1;
  /** Payload bytes there. */
  have: number = 0;
  /** truesize of all fragments. */
  memBytes: number = 0;
  done: boolean = false;
  constructor(stack: IpStack, table: FragTable, key: string, dev: Netdev, v6: boolean) {
    this.stack = stack;
    this.table = table;
    this.key = key;
    this.dev = dev;
    this.v6 = v6;
  }
}

/** All datagrams of one family (struct fqdir). */
export class FragTable {
  readonly queues: Map<string, FragQueue> = new Map();
  memBytes: number = 0;
}
