/**
 * Ancillary loads: packet metadata that classic programs read as if it lay at offsets from SKF_AD_OFF on. One row each: its name in
 * bpf_asm, its number, and where its value comes from.
 *
 *     field      a field of struct __sk_buff; `be16` ones are turned into host order
 *     helper     a function over the packet, A and X: one of eBPF's own, or one that only translated programs can call
 *     xor        no load at all: A ^= X
 *
 * @source include/uapi/linux/filter.h SKF_AD_*; net/core/filter.c convert_bpf_extensions, bpf_anc_helper; tools/bpf/bpf_exp.l
 */

/** SKF_AD_OFF as the unsigned constant that instructions carry. */
export const SKF_AD_OFF = 0xfffff000;

/**
 * Numbers of the helpers that the kernel calls from translated programs and no object can name. They are negative, where Linux has no
 * helpers; their records carry `classicOnly`.
 */
export const CLASSIC_HELPER = { payOffset: -1, nlattr: -2, nlattrNest: -3, hatype: -4 } as const;

const GET_PRANDOM_U32 = 7;
const GET_SMP_PROCESSOR_ID = 8;

/** Where the value comes from. */
export type AncillarySource =
  | { readonly from: "field"; readonly name: string; readonly be16: boolean }
  | { readonly from: "helper"; readonly id: number }
  | { readonly from: "xor" };

/** One ancillary load. */
export interface AncillaryRow {
  /** bpf_asm's word; null: bpf_asm has none. */
  readonly name: string | null;
  /** Another word for the same. */
  readonly alias?: string;
  /** libpcap's word, where it is another one. */
  readonly pcapName?: string;
  /** SKF_AD_*: the constant is SKF_AD_OFF plus this. */
  readonly ad: number;
  readonly source: AncillarySource;
  /** eBPF instructions that Linux 6.18 makes of it. */
  readonly kernelInsns: number;
}

const field = (name: string, be16: boolean = false): AncillarySource => ({ from: "field", name, be16 });
const helper = (id: number): AncillarySource => ({ from: "helper", id });

/** Every ancillary load of Linux 6.18. */
export const ancillaryRows: readonly AncillaryRow[] = [
  { name: "proto", ad: 0, source: field("protocol", true), kernelInsns: 2 },
  { name: "type", ad: 4, source: field("pkt_type"), kernelInsns: 2 },
  { name: "ifidx", ad: 8, source: field("ifindex"), kernelInsns: 4 },
  { name: "nla", ad: 12, source: helper(CLASSIC_HELPER.nlattr), kernelInsns: 4 },
  { name: "nlan", ad: 16, source: helper(CLASSIC_HELPER.nlattrNest), kernelInsns: 4 },
  { name: "mark", ad: 20, source: field("mark"), kernelInsns: 1 },
  { name: "queue", ad: 24, source: field("queue_mapping"), kernelInsns: 1 },
  { name: "hatype", ad: 28, source: helper(CLASSIC_HELPER.hatype), kernelInsns: 4 },
  { name: "rxhash", ad: 32, source: field("hash"), kernelInsns: 1 },
  { name: "cpu", ad: 36, source: helper(GET_SMP_PROCESSOR_ID), kernelInsns: 4 },
  { name: null, pcapName: "xor_x", ad: 40, source: { from: "xor" }, kernelInsns: 1 },
  { name: "vlan_tci", ad: 44, source: field("vlan_tci"), kernelInsns: 1 },
  { name: "vlan_avail", alias: "vlan_pr", pcapName: "vlanp", ad: 48, source: field("vlan_present"), kernelInsns: 3 },
  { name: "poff", ad: 52, source: helper(CLASSIC_HELPER.payOffset), kernelInsns: 4 },
  { name: "rand", pcapName: "random", ad: 56, source: helper(GET_PRANDOM_U32), kernelInsns: 4 },
  { name: "vlan_tpid", ad: 60, source: field("vlan_proto", true), kernelInsns: 2 },
];

const byConstant: ReadonlyMap<number, AncillaryRow> = new Map(ancillaryRows.map((row) => [SKF_AD_OFF + row.ad, row]));

/** The ancillary load that a constant of `ld [k]` names. @returns undefined when it is none, as for a packet offset */
export function ancillaryOf(k: number): AncillaryRow | undefined {
  return byConstant.get(k);
}
