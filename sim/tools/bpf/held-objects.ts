/**
 * Objects that a command loaded for one attachment. The kernel frees a program with its last reference; here the command that takes
 * the attachment away says so, and the object goes unless something else still runs one of its programs.
 */
import type { Program } from "../../bpf/program.ts";
import type { LoadedObject } from "../../net/bpf-objects.ts";
import type { Netdev } from "../../net/netdev.ts";
import { listFilters } from "../../net/tc/bpf-filters.ts";
import { listTcx } from "../../net/tc/control.ts";
import { filterPrograms } from "../../net/tc/programs.ts";

const held: WeakMap<Program, LoadedObject> = new WeakMap();

/** Ties an object's life to the attachments of its programs. */
export function holdObject(object: LoadedObject): void {
  for (const p of object.programs.values()) held.set(p, object);
}

/** An attachment of the program is gone: unloads its object when it was the last one. */
export function releaseProgram(prog: Program): void {
  const object = held.get(prog);
  if (object === undefined) return;
  const ours = new Set(object.programs.values());
  for (const dev of object.host.devices) if (dev !== undefined && runsAny(dev, ours)) return;
  for (const p of filterPrograms(object.host)) if (ours.has(p)) return;
  for (const pin of object.host.bpf.pins.values()) {
    const p = pin.kind === "prog" ? object.host.bpf.programs.get(pin.id) : undefined;
    if (p !== undefined && ours.has(p)) return;
  }
  for (const p of ours) held.delete(p);
  object.unload();
}

/** The programs that a device runs: to be released when the device or its hooks are gone. */
export function programsOf(dev: Netdev): readonly Program[] {
  const out: Program[] = dev.xdp === null ? [] : [dev.xdp.prog];
  for (const direction of ["ingress", "egress"] as const) {
    out.push(...listFilters(dev, direction).map((f) => f.prog), ...listTcx(dev, direction).map((t) => t.prog));
  }
  return out;
}

function runsAny(dev: Netdev, programs: ReadonlySet<Program>): boolean {
  return programsOf(dev).some((p) => programs.has(p));
}
