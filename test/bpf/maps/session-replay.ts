/** Does in netsim what kernel/map-oracle.c did on the kernel: a line in, an answer in the oracle's words out. */
import type { Btf, BtfType } from "../../../sim/bpf/btf/types.ts";
import type { HelperDef } from "../../../sim/bpf/helper.ts";
import { baseHelpers } from "../../../sim/bpf/helpers/index.ts";
import type { KernelCall } from "../../../sim/bpf/jit/link.ts";
import { mapAllowsCall, mapForbidsWrite } from "../../../sim/bpf/jit/map-helpers.ts";
import type { BpfMap } from "../../../sim/bpf/map.ts";
import type { BaseMap } from "../../../sim/bpf/maps/base-map.ts";
import { deleteBatch, type LookupBatch, lookupBatch, takeBatch, updateBatch } from "../../../sim/bpf/maps/batch.ts";
import { mapTypes } from "../../../sim/bpf/maps/index.ts";
import { userDelete, userLookup, userNextKey, userPeek, userTake, userUpdate } from "../../../sim/bpf/maps/user.ts";
import { netHelpers } from "../../../sim/net/helpers/index.ts";
import { RedirectInfo } from "../../../sim/net/net-env.ts";
import { Bench, fakeProgram, hex, mapSpec, recordingEnv } from "../kit.ts";

const XDP = 6;
const BPF_XDP_DEVMAP = 33;
const BPF_XDP_CPUMAP = 35;
const TCP = 1;
const EBADF = 9;
const VALUE_AT = 128;
const SEEN_BYTES = 32;
const BTF: Btf = { types: [{ kind: "void" }, { kind: "int", name: "int", size: 4 }] as unknown as BtfType[] };

/** Helpers by the letter that the oracle has for them. */
const HELPERS: Readonly<Record<string, number>> = {
  l: 1,
  n: 1,
  s: 1,
  u: 2,
  d: 3,
  r: 51,
  P: 87,
  o: 88,
  e: 89,
  p: 89,
  c: 195,
};
const HELPER_BY_ID: ReadonlyMap<number, HelperDef<never>> = new Map(
  [...baseHelpers, ...netHelpers].map((h) => [h.id, h as HelperDef<never>]),
);

/** One session's maps, programs and sockets. */
export class SessionReplay {
  readonly bench: Bench = new Bench(2, 64 * 1024 * 1024);
  private readonly maps: Map<string, BpfMap | null> = new Map();
  /** What a descriptor is here: a map's or program's id, a socket's cookie. */
  private readonly numbers: Map<string, number> = new Map();
  private readonly env = Object.assign(recordingEnv(this.bench), { redirect: new RedirectInfo() });
  private next: Uint8Array | null = null;

  /** @returns what the oracle would have printed */
  do(line: string): string {
    const [op, name, ...words] = line.split(" ") as [string, string, ...string[]];
    if (op === "create") return String(this.create(name, words));
    if (op === "prog") return this.program(name, words);
    if (op === "sock") return this.socket(name, words);
    if (op === "close") return this.close(name);
    const map = this.maps.get(name)!;
    if (map === null) return "none";
    const [k = "-", v = "-", flags = "0", count = "0"] = words;
    if (op === "freeze") return String((map as BaseMap).freeze());
    if (op.length === 2 && op[0] === "p") return this.byProgram(op[1]!, map, k, v, Number(flags));
    if (op.length === 2 && op[0] === "b") return this.batch(op[1]!, map, k, v, Number(flags), Number(count));
    return this.byUser(op, map, k, v, Number(flags));
  }

  private create(name: string, words: readonly string[]): number {
    const [type, keySize, valueSize, maxEntries, flags, mapExtra, inner] = words as [string, ...string[]];
    const def = mapTypes.find((t) => t.uapi === Number(type))!;
    const typed = ["sk_storage", "task_storage", "cgrp_storage"].includes(def.kind)
      ? { btf: BTF, keyTypeId: 1, valueTypeId: 1 }
      : {};
    const spec = mapSpec(def.kind, {
      keySize: Number(keySize),
      valueSize: Number(valueSize),
      maxEntries: Number(maxEntries),
      flags: Number(flags),
      mapExtra: Number(mapExtra),
      inner: inner === undefined || inner === "-" ? null : this.maps.get(inner)!.spec,
    });
    const refusal = def.check({ ...spec, ...typed });
    this.maps.set(name, refusal === null ? this.bench.map(def.kind, { ...spec, ...typed }) : null);
    this.numbers.set(name, this.maps.get(name)?.id ?? 0);
    return refusal === null ? 0 : -refusal.errno;
  }

  private program(name: string, [type, attach]: readonly string[]): string {
    const id = 100 + this.bench.programs.size;
    const kind = Number(type) === XDP ? "xdp" : "sched_cls";
    const at = { [BPF_XDP_DEVMAP]: "xdp_devmap", [BPF_XDP_CPUMAP]: "xdp_cpumap" } as const;
    const point = at[Number(attach) as keyof typeof at];
    this.bench.programs.set(id, fakeProgram(id, { kind, ...(point === undefined ? {} : { attach: point }) }));
    this.numbers.set(name, id);
    return "0";
  }

  private socket(name: string, words: readonly string[]): string {
    const [, type, port, how, reuse] = words.map(Number) as [number, number, number, number, number];
    const hashed = type === TCP ? how === 1 : port !== 0;
    this.numbers.set(name, this.bench.socket({ hashed, reuseport: reuse === 1 }).cookie);
    return "0";
  }

  private close(name: string): string {
    const cookie = this.numbers.get(name)!;
    const socket = this.bench.sockets.get(cookie)!;
    for (const holder of [...socket.holders]) holder.dropSocket(socket);
    this.bench.sockets.delete(cookie);
    return "0";
  }

  private byUser(op: string, map: BpfMap, k: string, v: string, flags: number): string {
    const key = this.bytes(k);
    if (op === "up") return String(userUpdate(map, key, this.bytes(v), flags));
    if (op === "del") return String(userDelete(map, key));
    if (op === "next") return text(userNextKey(map, k === "-" ? null : key));
    if (op === "take") return text(userTake(map, key, flags));
    if (op === "peek") return String(userPeek(map, this.bytes(v), flags));
    return text(userLookup(map, key, flags));
  }

  private batch(op: string, map: BpfMap, k: string, v: string, flags: number, count: number): string {
    if (op === "u" || op === "d") {
      const keys = cut(this.bytes(k), map.spec.keySize, count);
      const values = cut(this.bytes(v), map.userValueBytes, count);
      const { err, count: done } = op === "u" ? updateBatch(map, keys, values, flags) : deleteBatch(map, keys, flags);
      return `${err} ${done}`;
    }
    const from = k === "-" ? null : this.next;
    const got: LookupBatch = (op === "l" ? lookupBatch : takeBatch)(map, from, count, flags);
    this.next = got.next ?? this.next;
    return `${got.err} ${got.keys.length} ${hexOf(join(got.keys))} ${hexOf(join(got.values))}`;
  }

  private byProgram(how: string, map: BpfMap, k: string, v: string, flags: number): string {
    const helper = HELPER_BY_ID.get(HELPERS[how]!)!;
    const insn = { kind: "call_helper", id: helper.id } as KernelCall;
    if (!mapAllowsCall(map.spec.kind, helper, insn) || mapForbidsWrite(map.spec, insn)) return "load";
    const packet = new Uint8Array(512);
    packet.set(this.bytes(k));
    packet.set(this.bytes(v), VALUE_AT);
    const key = this.bench.put(packet);
    const value = key + VALUE_AT;
    const low = flags % 2 ** 32;
    const high = Math.floor(flags / 2 ** 32);
    const call = (...args: number[]): number => helper.call(this.env as never, map.handle, ...args);
    if (how === "u") return String(call(key, value, low, high));
    if (how === "d") return String(call(key));
    if (how === "P") return String(call(value, low, high));
    if (how === "p") return String(call(value));
    if (how === "r") return String(call(this.bench.arena.u32[key >>> 2]!, low, high));
    if (how === "o" || how === "e") {
      const bytes = Math.ceil(map.spec.valueSize / 8) * 8;
      this.bench.arena.u8.fill(0x55, value, value + bytes);
      return `${call(value)} ${hexOf(this.bench.get(value, Math.min(map.spec.valueSize, SEEN_BYTES)))}`;
    }
    const at = how === "c" ? call(key, flags) : call(key);
    if (how === "n") return at === 0 ? "0" : "1";
    return at === 0 ? "0 -" : `1 ${hexOf(this.bench.get(at, Math.min(map.spec.valueSize, SEEN_BYTES)))}`;
  }

  /** Bytes in hex, `@name` a descriptor of 4 bytes, `@@name` one of 8. */
  private bytes(words: string): Uint8Array {
    const parts = words.match(/@{1,2}[a-z]+|[0-9a-f]{2}/g) ?? [];
    return join(
      parts.map((part) => {
        if (!part.startsWith("@")) return hex(part);
        const out = new Uint8Array(part.startsWith("@@") ? 8 : 4);
        new DataView(out.buffer).setUint32(0, this.numbers.get(part.replace(/^@+/, "")) ?? EBADF, true);
        return out;
      }),
    );
  }
}

/** Bytes, or -errno, as the oracle prints them. */
function text(answer: Uint8Array | number): string {
  return typeof answer === "number" ? String(answer) : hexOf(answer);
}

function hexOf(bytes: Uint8Array): string {
  return bytes.length === 0 ? "-" : Buffer.from(bytes).toString("hex");
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

function cut(bytes: Uint8Array, size: number, count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => bytes.slice(i * size, (i + 1) * size));
}
