/**
 * BPF_MAP_GET_FD_BY_ID.
 * @source kernel/bpf/syscall.c bpf_map_get_fd_by_id, bpf_get_file_flag; errno asked of Linux 6.18
 */
import { EINVAL, ENOENT } from "../../bpf/maps/errno.ts";
import { BPF_F_RDONLY, BPF_F_WRONLY } from "../../bpf/maps/flags.ts";
import type { Host } from "../host.ts";
import type { BpfAttr } from "./attr.ts";
import type { BpfCommand } from "./command.ts";

const AT = { mapId: 0, openFlags: 8 } as const;
const BOTH = BPF_F_RDONLY | BPF_F_WRONLY;

/** The record of BPF_MAP_GET_FD_BY_ID. */
export const mapFdById: BpfCommand = {
  name: "MAP_GET_FD_BY_ID",
  cmd: 14,
  endBytes: 12,
  run(host: Host, attr: BpfAttr): number {
    const flags = attr.u32(AT.openFlags);
    if ((flags & ~BOTH) !== 0 || (flags & BOTH) === BOTH) return -EINVAL;
    const map = host.bpf.maps.get(attr.u32(AT.mapId));
    if (map === undefined) return -ENOENT;
    const mayRead = (flags & BPF_F_WRONLY) === 0;
    const mayWrite = (flags & BPF_F_RDONLY) === 0;
    return host.bpf.fds.open({ kind: "map", map, mayRead, mayWrite });
  },
};
