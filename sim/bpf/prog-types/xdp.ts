/**
 * BPF_PROG_TYPE_XDP: programs in the receive path of a device.
 *
 *     0 data   4 data_end   8 data_meta   12 ingress_ifindex   16 rx_queue_index   20 egress_ifindex
 */
import type { CtxField, ProgTypeDef } from "../prog-type.ts";

const word = (name: string, offset: number): CtxField => ({ name, offset, size: 4, writable: false });

/** The record of xdp. @source include/uapi/linux/bpf.h struct xdp_md; net/core/filter.c xdp_is_valid_access */
export const xdp: ProgTypeDef = {
  kind: "xdp",
  uapi: 6,
  ctxName: "xdp_md",
  ctxSize: 24,
  fields: [
    { ...word("data", 0), pointer: "data" },
    { ...word("data_end", 4), pointer: "data_end" },
    { ...word("data_meta", 8), pointer: "data_meta" },
    word("ingress_ifindex", 12),
    word("rx_queue_index", 16),
    { ...word("egress_ifindex", 20), attach: ["xdp_devmap"] },
  ],
  dataOffset: 0,
  dataEndOffset: 4,
  dataMetaOffset: 8,
  packetWritable: true,
  legacyLoads: false,
  attachKinds: ["xdp", "xdp_devmap", "xdp_cpumap"],
  attachRule: "none",
  retval: [],
};
