/**
 * What is known of an entry (enum ip_conntrack_status) and what programs may change of it.
 * @source include/uapi/linux/netfilter/nf_conntrack_common.h; net/netfilter/nf_conntrack_core.c nf_ct_change_status_common
 */
import { EBUSY } from "../../bpf/maps/errno.ts";

export const IPS_EXPECTED = 0x1;
export const IPS_SEEN_REPLY = 0x2;
export const IPS_ASSURED = 0x4;
export const IPS_CONFIRMED = 0x8;
export const IPS_SRC_NAT = 0x10;
export const IPS_DST_NAT = 0x20;
export const IPS_SEQ_ADJUST = 0x40;
export const IPS_SRC_NAT_DONE = 0x80;
export const IPS_DST_NAT_DONE = 0x100;
export const IPS_DYING = 0x200;
export const IPS_FIXED_TIMEOUT = 0x400;
const IPS_TEMPLATE = 0x800;
const IPS_UNTRACKED = 0x1000;
const IPS_OFFLOAD = 0x4000;
const IPS_HW_OFFLOAD = 0x8000;
/** Bits below __IPS_MAX_BIT. */
const ALL = 0xffff;

const UNCHANGEABLE =
  IPS_SRC_NAT_DONE |
  IPS_DST_NAT_DONE |
  IPS_SRC_NAT |
  IPS_DST_NAT |
  IPS_EXPECTED |
  IPS_CONFIRMED |
  IPS_DYING |
  IPS_SEQ_ADJUST |
  IPS_TEMPLATE |
  IPS_UNTRACKED |
  IPS_OFFLOAD |
  IPS_HW_OFFLOAD;

/** Bits are set, never cleared. @returns the new status, or -EBUSY when what may not change would */
export function changedStatus(status: number, wanted: number): number {
  const d = status ^ wanted;
  if ((d & (IPS_EXPECTED | IPS_CONFIRMED | IPS_DYING)) !== 0) return -EBUSY;
  if ((d & ~wanted & (IPS_SEEN_REPLY | IPS_ASSURED)) !== 0) return -EBUSY;
  return status | (wanted & ALL & ~UNCHANGEABLE);
}
