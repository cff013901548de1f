/** What a command of bpf(2) is. One file each (families share one), one line each in the index of this folder. */
import type { Host } from "../host.ts";
import type { BpfAttr } from "./attr.ts";

/** The record of one command. */
export interface BpfCommand {
  /** As the kernel spells it, without BPF_. */
  readonly name: string;
  /** `enum bpf_cmd`. */
  readonly cmd: number;
  /** End of its last field in `union bpf_attr`: what follows must be zero. */
  readonly endBytes: number;
  /** @returns 0, a descriptor, or -errno */
  run(host: Host, attr: BpfAttr): number;
}
