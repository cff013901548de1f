/**
 * BPF_PROG_TYPE_CGROUP_SKB: programs of a cgroup on the packets of its sockets, from the network header on. They read packets and
 * the socket's addresses; they do not write packets.
 */
import type { ProgTypeDef } from "../prog-type.ts";
import { skBuffContext, skBuffFields, skBuffPacket, skBuffSocket } from "./sk-buff.ts";

/** The record of cgroup_skb. @source net/core/filter.c cg_skb_is_valid_access */
export const cgroupSkb: ProgTypeDef = {
  kind: "cgroup_skb",
  uapi: 8,
  ...skBuffContext,
  fields: [
    ...skBuffFields(new Set(["mark", "priority", "cb"])),
    ...skBuffPacket,
    ...skBuffSocket,
    { name: "tstamp", offset: 152, size: 8, writable: true },
    { name: "hwtstamp", offset: 184, size: 8, writable: false },
  ],
  dataMetaOffset: -1,
  packetWritable: false,
  legacyLoads: false,
  attachKinds: ["cgroup_inet_ingress", "cgroup_inet_egress"],
  attachRule: "default",
  retval: [
    { min: 0, max: 1 },
    { min: 0, max: 3, attach: ["cgroup_inet_egress"] },
  ],
};
