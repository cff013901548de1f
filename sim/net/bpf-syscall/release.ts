/**
 * The end of what closed descriptors stood for: attachments are undone, and maps and programs that bpf(2) made go unless something else
 * has them.
 * @differs a program stays while the host has a map that can hold programs, a map while it has a map of maps: what stands in them is not
 *          counted
 */
import type { BpfMap } from "../../bpf/map.ts";
import type { Program } from "../../bpf/program.ts";
import type { Host } from "../host.ts";

const HOLD_PROGRAMS: readonly string[] = ["prog_array", "devmap", "devmap_hash", "cpumap"];
const HOLD_MAPS: readonly string[] = ["array_of_maps", "hash_of_maps"];

/** Lets go what was closed while a program ran. */
export function releaseClosed(host: Host): void {
  const closed = host.bpf.fds.takeClosed();
  if (closed.length === 0) return;
  for (const file of closed) if (file.kind === "link") file.detach();
  // what may hold others goes before them
  releaseMaps(host, true);
  releaseMaps(host, false);
  for (const prog of host.bpf.made.programs) releaseProg(host, prog);
  releaseMaps(host, false);
}

function releaseMaps(host: Host, outer: boolean): void {
  const { bpf } = host;
  for (const map of bpf.made.maps) {
    const isOuter = HOLD_MAPS.includes(map.spec.kind);
    if (isOuter !== outer || (!outer && hasKind(host, HOLD_MAPS))) continue;
    if (bpf.fds.holds(map) || isPinned(host, "map", map.id) || isUsed(host, map)) continue;
    bpf.made.maps.delete(map);
    bpf.maps.delete(map.id);
    map.destroy();
  }
}

function releaseProg(host: Host, prog: Program): void {
  const { bpf } = host;
  if (bpf.fds.holds(prog) || hasKind(host, HOLD_PROGRAMS) || isPinned(host, "prog", prog.id)) return;
  bpf.made.programs.delete(prog);
  bpf.programs.delete(prog.id);
}

function isUsed(host: Host, map: BpfMap): boolean {
  for (const prog of host.bpf.programs.values()) if (prog.maps.includes(map)) return true;
  return false;
}

function hasKind(host: Host, kinds: readonly string[]): boolean {
  for (const map of host.bpf.maps.values()) if (kinds.includes(map.spec.kind)) return true;
  return false;
}

function isPinned(host: Host, kind: "map" | "prog", id: number): boolean {
  for (const pin of host.bpf.pins.values()) if (pin.kind === kind && pin.id === id) return true;
  return false;
}
