/**
 * Loads an object file's maps and programs on a host, as libbpf does: maps first (pinned ones by name), then programs in the
 * object's order, then the static slots of program arrays and maps of maps.
 *
 * @source tools/lib/bpf/libbpf.c bpf_object__create_maps, bpf_object__reuse_map, adjust_ringbuf_sz, init_map_in_map_slots,
 *         init_prog_array_slots
 */
import type { AttachKind } from "../bpf/attach-kinds.ts";
import { kconfigBytes } from "../bpf/kernel-config.ts";
import type { LoadProgramOptions, MapHooks } from "../bpf/machine.ts";
import type { BpfMap } from "../bpf/map.ts";
import { BPF_F_RDONLY_PROG } from "../bpf/maps/flags.ts";
import { PerfEventArrayMap } from "../bpf/maps/perf-event-array.ts";
import { requireExterns } from "../bpf/object/require-externs.ts";
import type { ProgKind } from "../bpf/prog-type.ts";
import type { Program } from "../bpf/program.ts";
import { isMapRelocation, type MapSpec, type ObjectSpec, type ProgramSpec } from "../bpf/spec.ts";
import { ObjectError } from "../engine/errors.ts";
import { suggest } from "../engine/nearest.ts";
import { kernelTypes } from "./btf/kernel-types.ts";
import type { Host } from "./host.ts";
import { kernelConfig } from "./kernel-config.ts";
import type { Netdev } from "./netdev.ts";
import { STRERROR } from "./netlink-error.ts";

/** Where libbpf pins maps by name. iproute2 uses TC_PIN_DIR. */
export const LIBBPF_PIN_DIR = "/sys/fs/bpf";
/** Where `tc` and `ip` pin maps of the global namespace, and those that are pinned by name. */
export const TC_PIN_DIR = "/sys/fs/bpf/tc/globals";
/** Where they pin maps of an object's own namespace: in a directory by the SHA-1 of the file. */
const TC_WORK_DIR = "/sys/fs/bpf/tc";

const PAGE = 4096;

/** How to load an object. */
export interface LoadObjectOptions {
  /** Programs to load; absent: all but those of optional sections (`?xdp`). Targets of static tail-call slots come along. */
  readonly programs?: readonly string[];
  /** Type of programs whose section name says none. */
  readonly kind?: ProgKind;
  /** Type by program name, over what the section says. */
  readonly kinds?: ReadonlyMap<string, ProgKind>;
  /** Attach type of all programs, over what the sections say. */
  readonly attach?: AttachKind | null;
  /**
   * Whose functions the object's ext programs replace (bpf_program__set_attach_target): the function that `functionName` says, or the one
   * that the section name says, `freplace/NAME`.
   */
  readonly extend?: { readonly target: Program; readonly functionName?: string };
  /** The device to which XDP programs are bound (BPF_F_XDP_DEV_BOUND_ONLY): the only one where they may be attached. */
  readonly device?: Netdev;
  /**
   * `ip` or `tc` loads it: maps go to their directories, and MapSpec.elfPin counts. Absent: libbpf does, and maps that are pinned by name
   * go to LIBBPF_PIN_DIR.
   */
  readonly iproute2?: {
    /** SHA-1 of the object file in hex. */
    readonly objectUid: string;
  };
  /** Entries of maps, by name, over what the object says. */
  readonly maxEntries?: ReadonlyMap<string, number>;
  /** Live maps to use instead of making one, by name. */
  readonly reuse?: ReadonlyMap<string, BpfMap>;
  /**
   * A user space reads the object's perf event arrays, into HostBpf.records. Without it bpf_perf_event_output answers -ENOENT, as on
   * Linux for an object that `ip` or `tc` loaded.
   */
  readonly readEvents?: boolean;
  /** false: without access checks, for programs that a verifier has accepted (and for benchmarks). The default is true. */
  readonly checks?: boolean;
  /** true: with a counter for each basic block, for profiles and coverage; see `Program.blockHits`. */
  readonly profile?: boolean;
}

/** An object that was loaded on a host. */
export interface LoadedObject {
  readonly host: Host;
  readonly spec: ObjectSpec;
  readonly maps: ReadonlyMap<string, BpfMap>;
  readonly programs: ReadonlyMap<string, Program>;
  /** @throws ObjectError MAP_UNKNOWN, with the nearest name */
  map(name: string): BpfMap;
  /** @throws ObjectError PROG_UNKNOWN, with the nearest name */
  program(name: string): Program;
  /** Forgets its programs, and its maps unless they are pinned or used by other programs. Detach the programs first. */
  unload(): void;
}

/**
 * Loads an object.
 * @throws ObjectError what the object or the options are at fault for; nothing stays loaded then
 */
export function loadObjectOnHost(host: Host, spec: ObjectSpec, options: LoadObjectOptions = {}): LoadedObject {
  requireExterns(spec, kernelTypes);
  const wanted = selectPrograms(spec, options);
  const maps = new Map<string, BpfMap>();
  const programs = new Map<string, Program>();
  const made: BpfMap[] = [];
  const pinned: string[] = [];
  try {
    for (const m of spec.maps) maps.set(m.name, obtainMap(host, spec, m, options, made, pinned));
    for (const p of wanted) programs.set(p.name, loadProgram(host, spec, p, maps, options));
    for (const m of spec.maps) fillSlots(spec, m, maps, programs, made);
    if (options.readEvents === true) {
      for (const m of maps.values()) if (m instanceof PerfEventArrayMap) m.openAll();
    }
  } catch (error) {
    for (const p of programs.values()) host.bpf.programs.delete(p.id);
    for (const path of pinned) host.bpf.pins.delete(path);
    for (const m of made) {
      host.bpf.maps.delete(m.id);
      m.destroy();
    }
    throw error;
  }
  return {
    host,
    spec,
    maps,
    programs,
    map: (name) => maps.get(name) ?? unknown("MAP_UNKNOWN", `${spec.path}: no map "${name}"`, name, maps),
    program: (name) =>
      programs.get(name) ?? unknown("PROG_UNKNOWN", `${spec.path}: no program "${name}"`, name, programs),
    unload: () => unload(host, maps, programs),
  };
}

/** The hooks by which maps of a host look ids up. */
export function mapOwner(host: Host): MapHooks {
  return {
    mapOfId: (id) => host.bpf.maps.get(id),
    programOfId: (id) => host.bpf.programs.get(id),
    socketOfCookie: (cookie) => host.bpf.sockets.get(cookie),
    socketAt: (addr) => host.kernel.env.sockets.at(addr),
    devExists: (ifindex) => host.devices[ifindex] !== undefined,
  };
}

function unknown(code: string, message: string, name: string, known: ReadonlyMap<string, unknown>): never {
  throw new ObjectError({ code, message, fix: suggest(name, [...known.keys()]) });
}

/** The named programs or all, and whatever their static tail calls lead to, in the object's order. */
function selectPrograms(spec: ObjectSpec, options: LoadObjectOptions): readonly ProgramSpec[] {
  if (options.programs === undefined) return spec.programs.filter((p) => p.autoload !== false);
  const byName = new Map(spec.programs.map((p) => [p.name, p]));
  const chosen = new Set<ProgramSpec>();
  const open = [...options.programs];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    const prog = byName.get(name) ?? unknown("PROG_UNKNOWN", `${spec.path}: no program "${name}"`, name, byName);
    if (chosen.has(prog)) continue;
    chosen.add(prog);
    const used = new Set(prog.relocations.filter(isMapRelocation).map((r) => r.map));
    for (const m of spec.maps) {
      if (m.kind === "prog_array" && used.has(m.name)) open.push(...m.slots.map((s) => s.target));
    }
  }
  return spec.programs.filter((p) => chosen.has(p));
}

function obtainMap(
  host: Host,
  object: ObjectSpec,
  spec: MapSpec,
  options: LoadObjectOptions,
  made: BpfMap[],
  pinned: string[],
): BpfMap {
  const given = options.reuse?.get(spec.name);
  const sized = configured(object, sizedSpec(host, spec, options));
  if (given !== undefined) {
    requireSame(object, sized, given, `couldn't use the given map ${given.id}`);
    return given;
  }
  const path = pinPath(spec, options);
  if (path !== null) {
    const old = host.bpf.pinnedMap(path);
    if (old !== undefined) {
      requireSame(object, sized, old, `couldn't reuse pinned map at '${path}'`);
      return old;
    }
  }
  const map = host.kernel.machine.createMap(sized, host.cpus.length, host.bpf.takeMapId(), mapOwner(host));
  host.bpf.maps.set(map.id, map);
  made.push(map);
  if (path !== null) {
    host.bpf.pins.set(path, { kind: "map", id: map.id });
    pinned.push(path);
  }
  return map;
}

/**
 * Where a map is pinned; null: nowhere.
 * @source libbpf build_map_pin_path; iproute2 lib/bpf_legacy.c bpf_make_pathname
 */
export function pinPath(spec: MapSpec, options: Pick<LoadObjectOptions, "iproute2">): string | null {
  const { iproute2 } = options;
  if (iproute2 === undefined) return spec.pinByName ? `${LIBBPF_PIN_DIR}/${spec.name}` : null;
  if (spec.elfPin === "object") return `${TC_WORK_DIR}/${iproute2.objectUid}/${spec.name}`;
  return spec.pinByName || spec.elfPin === "global" ? `${TC_PIN_DIR}/${spec.name}` : null;
}

/** What libbpf fills in: perf event arrays have a slot per CPU, ring buffers a power of two of pages. */
function sizedSpec(host: Host, spec: MapSpec, options: LoadObjectOptions): MapSpec {
  let maxEntries = options.maxEntries?.get(spec.name) ?? spec.maxEntries;
  if (spec.kind === "perf_event_array" && maxEntries === 0) maxEntries = host.cpus.length;
  if ((spec.kind === "ringbuf" || spec.kind === "user_ringbuf") && maxEntries > 0) {
    let bytes = PAGE;
    while (bytes < maxEntries) bytes *= 2;
    maxEntries = bytes;
  }
  return maxEntries === spec.maxEntries ? spec : { ...spec, maxEntries };
}

/** `.kconfig` holds the simulated kernel's configuration. */
function configured(object: ObjectSpec, spec: MapSpec): MapSpec {
  return spec.kconfig === undefined ? spec : { ...spec, data: kconfigBytes(object.path, spec, kernelConfig) };
}

/** @source libbpf src/libbpf.c map_is_reuse_compat: the kernel gives devmaps BPF_F_RDONLY_PROG, which is not counted */
function requireSame(object: ObjectSpec, spec: MapSpec, map: BpfMap, what: string): void {
  const have = map.spec;
  const passed = spec.kind === "devmap" || spec.kind === "devmap_hash" ? BPF_F_RDONLY_PROG : 0;
  const same =
    have.kind === spec.kind &&
    have.keySize === spec.keySize &&
    have.valueSize === spec.valueSize &&
    have.maxEntries === spec.maxEntries &&
    (have.flags & ~passed) === spec.flags &&
    (have.mapExtra ?? 0) === (spec.mapExtra ?? 0);
  if (same) return;
  throw new ObjectError({
    code: "MAP_REUSE_MISMATCH",
    message: `${object.path}: map '${spec.name}': ${what}: parameter mismatch (${shape(have)}, wanted ${shape(spec)})`,
    fix: "unpin the old map, or give both the same type, sizes, max_entries and flags",
  });
}

function shape(m: MapSpec): string {
  return `${m.kind} key ${m.keySize} value ${m.valueSize} max_entries ${m.maxEntries} flags 0x${m.flags.toString(16)}`;
}

function loadProgram(
  host: Host,
  object: ObjectSpec,
  spec: ProgramSpec,
  maps: ReadonlyMap<string, BpfMap>,
  options: LoadObjectOptions,
): Program {
  if (spec.refusal) throw new ObjectError(spec.refusal);
  const kind = options.kinds?.get(spec.name) ?? spec.kind ?? options.kind;
  if (kind === undefined) {
    throw new ObjectError({
      code: "PROG_TYPE_UNKNOWN",
      message: `${object.path}: program "${spec.name}": section "${spec.section}" does not say a program type`,
      fix: "say the type where the program is loaded: xdp, sched_cls (tc) or socket_filter",
    });
  }
  if (options.device !== undefined && kind === "xdp") checkDevice(spec, options.device);
  const program = host.kernel.machine.loadProgram(spec, {
    kind,
    id: host.bpf.takeProgId(),
    license: object.license,
    maps,
    checks: options.checks ?? true,
    profile: options.profile ?? false,
    ...(options.attach === undefined ? {} : { attach: options.attach }),
    ...(kind === "xdp" && options.device !== undefined ? { device: options.device } : {}),
    ...(kind === "ext" && options.extend !== undefined ? { extend: extension(spec, options.extend) } : {}),
  });
  host.bpf.addProgram(program);
  return program;
}

/** @source kernel/bpf/offload.c bpf_prog_dev_bound_init */
function checkDevice(spec: ProgramSpec, device: Netdev): void {
  if (device.ops.xdpMetadata !== undefined) return;
  const message = `program "${spec.name}": nothing can be bound to ${device.name}: a device of kind ${device.ops.kind} says nothing of its frames (errno 95)`;
  throw new ObjectError({ code: "PROG_DEVICE", message, fix: "bind it to a nic or a veth" });
}

/** What an ext program is loaded for. */
function extension(
  spec: ProgramSpec,
  given: NonNullable<LoadObjectOptions["extend"]>,
): NonNullable<LoadProgramOptions["extend"]> {
  const said = spec.section.startsWith("freplace/") ? spec.section.slice("freplace/".length) : spec.name;
  return { target: given.target, functionName: given.functionName ?? said };
}

/** Static initialisers. Only maps that were made now: a reused one keeps what it holds. */
function fillSlots(
  object: ObjectSpec,
  spec: MapSpec,
  maps: ReadonlyMap<string, BpfMap>,
  programs: ReadonlyMap<string, Program>,
  made: readonly BpfMap[],
): void {
  const map = maps.get(spec.name)!;
  if (spec.slots.length === 0 || !made.includes(map)) return;
  for (const slot of spec.slots) {
    const target = spec.kind === "prog_array" ? programs.get(slot.target) : maps.get(slot.target);
    // a program that was not asked for leaves its slot empty
    if (target === undefined) continue;
    const key = new Uint8Array(spec.keySize);
    new DataView(key.buffer).setUint32(0, slot.index, true);
    const value = new Uint8Array(4);
    new DataView(value.buffer).setUint32(0, target.id, true);
    const err = map.write(key, value, 0);
    if (err !== 0) {
      throw new ObjectError({
        code: "MAP_SLOT",
        message: `${object.path}: map "${spec.name}": slot ${slot.index} cannot hold "${slot.target}": ${STRERROR[-err] ?? `errno ${-err}`}`,
      });
    }
  }
}

function unload(host: Host, maps: ReadonlyMap<string, BpfMap>, programs: ReadonlyMap<string, Program>): void {
  const bpf = host.bpf;
  const pinnedProgs = new Set([...bpf.pins.values()].filter((p) => p.kind === "prog").map((p) => p.id));
  const pinnedMaps = new Set([...bpf.pins.values()].filter((p) => p.kind === "map").map((p) => p.id));
  for (const p of programs.values()) if (!pinnedProgs.has(p.id)) bpf.programs.delete(p.id);
  const used = new Set<BpfMap>();
  for (const p of bpf.programs.values()) for (const m of p.maps) used.add(m);
  // what stands in a map of maps that stays is in use, and nobody but the map knows what that is
  const outerStays = [...bpf.maps.values()].some(
    (m) => (m.spec.kind === "array_of_maps" || m.spec.kind === "hash_of_maps") && (used.has(m) || pinnedMaps.has(m.id)),
  );
  if (outerStays) return;
  for (const m of maps.values()) {
    if (used.has(m) || pinnedMaps.has(m.id) || bpf.maps.get(m.id) !== m) continue;
    bpf.maps.delete(m.id);
    m.destroy();
  }
}
