/**
 * What the kernel tells of a loaded program and its BTF. Times of loading and BTF ids are kept here, since nothing but these
 * listings shows them.
 *
 * @source iproute2 lib/bpf_legacy.c bpf_dump_prog_info; kernel/bpf/syscall.c bpf_prog_get_info_by_fd
 */
import type { Btf } from "../../bpf/btf/types.ts";
import type { Program } from "../../bpf/program.ts";
import type { Host } from "../../net/host.ts";
import type { PrintRecord } from "../record.ts";

const loadedAt: WeakMap<Program, number> = new WeakMap();
const programBtf: WeakMap<Program, Btf> = new WeakMap();

/** Id of the kernel's own types. */
export const VMLINUX_BTF_ID = 1;

/** BTF ids of one host. */
class BtfIds {
  private readonly ids: WeakMap<Btf, number> = new WeakMap();
  private last: number = VMLINUX_BTF_ID;
  idOf(btf: Btf): number {
    const known = this.ids.get(btf);
    if (known !== undefined) return known;
    this.last++;
    this.ids.set(btf, this.last);
    return this.last;
  }
}
const hosts: WeakMap<Host, BtfIds> = new WeakMap();

/** Remembers when a program was loaded and the BTF of its object, which has its id from then on. @unit nowNs: ns since the simulation began */
export function noteLoad(host: Host, prog: Program, btf: Btf | null): void {
  loadedAt.set(prog, host.kernel.engine.nowNs);
  if (btf === null) return;
  programBtf.set(prog, btf);
  btfId(host, btf);
}

/** When it was loaded, ns since the simulation began; 0 when no tool loaded it. */
export function loadTimeNs(prog: Program): number {
  return loadedAt.get(prog) ?? 0;
}

/** The BTF that a program was loaded with: its object's, or that of one of its maps. */
export function btfOf(prog: Program): Btf | null {
  return programBtf.get(prog) ?? prog.maps.find((m) => m.spec.btf !== null)?.spec.btf ?? null;
}

/** The id of a BTF on a host, in the order of loading; what no tool loaded gets one when somebody asks. */
export function btfId(host: Host, btf: Btf): number {
  let ids = hosts.get(host);
  if (ids === undefined) {
    ids = new BtfIds();
    hosts.set(host, ids);
  }
  return ids.idOf(btf);
}

/** As bpf_dump_prog_info: `id 7 name x tag 0123456789abcdef jited `, with -d load time and BTF. */
export function addProgInfo(host: Host, record: PrintRecord, prog: Program, details: boolean): void {
  const info: Record<string, unknown> = { id: prog.id, name: kernelName(prog), tag: prog.tag, jited: 1 };
  record.plain(`id ${prog.id} name ${kernelName(prog)} tag ${prog.tag} jited `);
  if (details) {
    const btf = btfOf(prog);
    info.load_time = loadTimeNs(prog);
    info.created_by_uid = 0;
    record.plain(`load_time ${loadTimeNs(prog)} created_by_uid 0 `);
    if (btf !== null) {
      info.btf_id = btfId(host, btf);
      record.plain(`btf_id ${btfId(host, btf)} `);
    }
  }
  record.field("prog", info);
}

/** The kernel keeps 15 characters of a program's name. @source include/linux/bpf.h BPF_OBJ_NAME_LEN */
export function kernelName(prog: Program): string {
  return prog.spec.name.slice(0, 15);
}
