/**
 * Live maps. The values lie in the arena, where programs reach them by address. One file per map type stands in maps/,
 * one line each in its index.
 *
 * Addresses are arena addresses; errors are negative errno as the kernel returns them to programs.
 */
import type { Arena } from "../engine/arena.ts";
import type { Program } from "./program.ts";
import type { MapSpec } from "./spec.ts";

/** Map types, in the kernel's spelling as bpftool prints it. */
export type MapKind =
  | "hash"
  | "array"
  | "prog_array"
  | "perf_event_array"
  | "percpu_hash"
  | "percpu_array"
  | "lru_hash"
  | "lru_percpu_hash"
  | "lpm_trie"
  | "array_of_maps"
  | "hash_of_maps"
  | "devmap"
  | "devmap_hash"
  | "ringbuf"
  | "queue"
  | "stack"
  | "cgroup_array"
  | "sockmap"
  | "cpumap"
  | "xskmap"
  | "sockhash"
  | "reuseport_sockarray"
  | "sk_storage"
  | "bloom_filter"
  | "user_ringbuf"
  | "stack_trace"
  | "cgroup_storage"
  | "percpu_cgroup_storage"
  | "task_storage"
  | "cgrp_storage";

export const BPF_NOEXIST = 1;
export const BPF_EXIST = 2;

/** How the JIT may look an element up without a call. */
export interface InlineArray {
  /** Address of element 0 of CPU 0. */
  readonly base: number;
  /** bytes between elements */
  readonly stride: number;
  /** bytes between CPUs, 0 for maps that are not per CPU */
  readonly cpuStride: number;
  readonly maxEntries: number;
  /** Bytes that an update by a program copies, and that is all that it does; 0: updates are left to the map. */
  readonly copiedBytes: number;
}

/**
 * A map's operations as WebAssembly functions, which compiled programs call without leaving WebAssembly. They do what the methods
 * of the same names do; absent: compiled programs call the method, or the helper.
 */
export interface MapCode {
  /** Address of the map's state, the functions' first argument. */
  readonly state: number;
  readonly lookup?: (state: number, key: number, cpu: number) => number;
  readonly update?: (state: number, key: number, value: number, flags: number, cpu: number) => number;
  readonly delete?: (state: number, key: number) => number;
  readonly push?: (state: number, value: number, flags: number) => number;
  readonly pop?: (state: number, value: number) => number;
  readonly peek?: (state: number, value: number) => number;
}

/** A socket as maps see it; the network's sockets are such. User space names a socket by its cookie where Linux takes a descriptor. */
export interface MapSocket {
  /** SO_COOKIE, a number above 0 and below 2^31. */
  readonly cookie: number;
  /** It is in the tables of its protocol: a bound UDP socket, a listening or connected TCP socket. */
  readonly hashed: boolean;
  /** SO_REUSEPORT was set before it was bound. */
  readonly reuseport: boolean;
  /** Its family and protocol are those of TCP or UDP over IPv4 or IPv6. */
  readonly inet: boolean;
  /** The maps that hold it: each is told when it closes. */
  readonly holders: Set<SocketHolder>;
  /** What its values are charged to. */
  readonly optionMemory: SocketMemory;
  /** Address of its `struct bpf_sock`, which programs get for it; 0 when memory is used up. */
  bpfSock(): number;
}

/** The option memory of a socket. */
export interface SocketMemory {
  /** @returns false, nothing taken, when there is not so much left */
  charge(bytes: number): boolean;
  /** Gives back what was charged. */
  uncharge(bytes: number): void;
}

/** A map that holds sockets. */
export interface SocketHolder {
  /** The socket has closed: forget it. */
  dropSocket(socket: MapSocket): void;
}

/** A live map. */
export interface BpfMap {
  readonly spec: MapSpec;
  /** As `bpftool map show` prints it; unique on its host. */
  readonly id: number;
  /** Address that stands for the map in registers and in slots of maps of maps; unique in the arena, never dereferenced. */
  readonly handle: number;
  /** Set when the JIT may inline lookups. */
  readonly inlineArray: InlineArray | null;
  /** Set when compiled programs may call WebAssembly in place of the methods. */
  readonly code: MapCode | null;
  /** CPUs for which per-CPU maps hold a value; 1 otherwise. */
  readonly numCpus: number;

  /** Program side: address of the value for `cpu`, or 0. @param key address */
  lookup(key: number, cpu: number): number;
  /** Program side, per-CPU maps write only `cpu`'s value. @param key,value addresses. @returns 0 or -errno */
  update(key: number, value: number, flags: number, cpu: number): number;
  /** @returns 0 or -errno */
  delete(key: number): number;
  /**
   * User side: the key after `key`; null or an unknown key starts over.
   * @returns a copy of the key, or null at the end
   */
  nextKey(key: Uint8Array | null): Uint8Array | null;
  /**
   * User side: a copy of the value. Per-CPU maps answer the values of all CPUs, one after another, each padded to 8 bytes.
   * @returns null when there is no such element
   */
  read(key: Uint8Array): Uint8Array | null;
  /** User side. Per-CPU maps take the values of all CPUs in the form of `read`. @returns 0 or -errno */
  write(key: Uint8Array, value: Uint8Array, flags: number): number;
  /** User side. @returns 0 or -errno */
  remove(key: Uint8Array): number;
  /** -errno of user space's lookup when `read` has nothing to answer. */
  readonly readErrno: number;
  /** -errno of user space's walk when `nextKey` has nothing to answer. */
  readonly nextErrno: number;
  /** User space may read, as BPF_F_WRONLY says. */
  readonly userMayRead: boolean;
  /** User space may write, as BPF_F_RDONLY and BPF_MAP_FREEZE say. */
  readonly userMayWrite: boolean;
  /** Bytes of a value as user space reads and writes it. */
  readonly userValueBytes: number;
  /** Bytes of the value's bpf_spin_lock from the value's start, -1 when it has none. */
  readonly spinLockOffset: number;
  /** Elements now, for `bpftool` and reports; arrays answer maxEntries. */
  count(): number;
  /** Gives all memory back. */
  destroy(): void;
}

/** What a map needs to be made. */
export interface MapContext {
  readonly arena: Arena;
  readonly numCpus: number;
  readonly id: number;
  readonly handle: number;
  /** The live map of a handle, for maps of maps. */
  mapOfHandle(handle: number): BpfMap | undefined;
  /** The live map of an id on the same host: what user space writes into maps of maps. Absent: no map is known. */
  mapOfId?(id: number): BpfMap | undefined;
  /** The live program of an id on the same host: what user space writes into program arrays and device maps. */
  programOfId?(id: number): Program | undefined;
  /** The host has a device of that index. Absent: any index above 0 is taken for one. */
  devExists?(ifindex: number): boolean;
  /** The socket of a cookie on the same host. Absent: none is known. */
  socketOfCookie?(cookie: number): MapSocket | undefined;
  /** The socket behind an address that a program passed. Absent: programs have none. @throws VerifierError when it is no socket's */
  socketAt?(addr: number): MapSocket;
  /** Ends what the kernel's fields of a value hold, and zeroes them: all but the locks. */
  dropFields?(map: BpfMap, value: number): void;
}

/** User space's operations that some types have and others do not. */
export interface UserOps {
  /** BPF_MAP_LOOKUP_AND_DELETE_ELEM. */
  readonly take: boolean;
  /** The batches: none; lookup and update by key; those and delete; all four, by bucket. */
  readonly batch: "none" | "fixed" | "keys" | "buckets";
}

/** The record of one map type. */
export interface MapTypeDef {
  readonly kind: MapKind;
  /** `enum bpf_map_type`. */
  readonly uapi: number;
  /** Kernel version that has it, `4.8`. */
  readonly since: string;
  /** @returns null, or the errno and the reason that BPF_MAP_CREATE would refuse this spec with */
  check(spec: MapSpec): { readonly errno: number; readonly reason: string } | null;
  /**
   * What the types of key and value must be, where user space gives them: "none" it must not; the key's must be a 32-bit integer, a
   * struct, or not be there. Absent: any of the right size. @source the map_check_btf of each type's operations
   */
  readonly typed?: "none" | "int key" | "struct key" | "no key";
  /** What user space may do beside lookup, update, delete and walking. */
  readonly user: UserOps;
  create(spec: MapSpec, ctx: MapContext): BpfMap;
}
