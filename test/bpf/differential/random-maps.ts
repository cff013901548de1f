/** Maps of random types and sizes, with something in them. */
import type { RandomStream } from "../../../sim/engine/streams.ts";
import { type CaseMap, MAP_TYPE } from "./case.ts";
import { TRACE_BYTES } from "./plan.ts";

const BPF_F_NO_PREALLOC = 1;
const BPF_F_NO_COMMON_LRU = 2;
const BPF_F_RDONLY_PROG = 0x80;
/** Never full within a case: who reads the records, and when, is not the program's doing. */
const RINGBUF_BYTES = 65536;

/** Texts for helpers that take constant strings; the rows of ops-helpers.ts have their offsets. */
const TEXTS: readonly (readonly [number, string])[] = [
  [0, "ab"],
  [8, "%d %x %llu\0"],
  [24, "<%lx|%u|%i>%%\0"],
];
const TEXT_BYTES = 64;

/** The map to trace into, the map of texts, and up to four others. */
export function randomMaps(rnd: RandomStream): CaseMap[] {
  const maps: CaseMap[] = [trace(), texts()];
  const makers = [array, array, percpuArray, hash, hash, percpuHash, lru, lpm, lpm, queue, tails, ofMaps, ringbuf];
  for (let i = 1 + rnd.below(4); i > 0; i--) makers[rnd.below(makers.length)]!(rnd, maps);
  return maps;
}

function plain(type: number, keySize: number, valueSize: number, maxEntries: number): CaseMap {
  return { type, keySize, valueSize, maxEntries, flags: 0, inner: 0, frozen: false, entries: [] };
}

function trace(): CaseMap {
  return plain(MAP_TYPE.array, 4, TRACE_BYTES, 1);
}

function texts(): CaseMap {
  const value = Buffer.alloc(TEXT_BYTES);
  for (const [offset, text] of TEXTS) value.write(text, offset, "latin1");
  const map = plain(MAP_TYPE.array, 4, TEXT_BYTES, 1);
  return { ...map, flags: BPF_F_RDONLY_PROG, frozen: true, entries: [[new Uint8Array(4), value]] };
}

function valueSize(rnd: RandomStream, least: number): number {
  return Math.max(least, [1, 4, 8, 8, 12, 16, 24, 33, 64][rnd.below(9)]!);
}

function bytes(rnd: RandomStream, count: number): Uint8Array {
  return Uint8Array.from({ length: count }, () => rnd.below(256));
}

function array(rnd: RandomStream, maps: CaseMap[]): void {
  const map = plain(MAP_TYPE.array, 4, valueSize(rnd, 8), 1 + rnd.below(4));
  maps.push({ ...map, entries: [[new Uint8Array(4), bytes(rnd, map.valueSize)]] });
}

function percpuArray(rnd: RandomStream, maps: CaseMap[]): void {
  const map = plain(MAP_TYPE.percpu_array, 4, valueSize(rnd, 8), 1 + rnd.below(4));
  maps.push({ ...map, entries: [[new Uint8Array(4), bytes(rnd, map.valueSize)]] });
}

/** Keys as programs make them: zeros but for the first byte. */
function someEntries(rnd: RandomStream, map: CaseMap): [Uint8Array, Uint8Array][] {
  const out: [Uint8Array, Uint8Array][] = [];
  for (let i = 0; i < Math.min(map.maxEntries, 8); i++) {
    if (rnd.below(2) === 0) continue;
    const key = new Uint8Array(map.keySize);
    key[0] = i;
    out.push([key, bytes(rnd, map.valueSize)]);
  }
  return out;
}

function hash(rnd: RandomStream, maps: CaseMap[]): void {
  const keySize = [1, 2, 4, 4, 8, 12, 16, 20, 7][rnd.below(9)]!;
  const map = plain(MAP_TYPE.hash, keySize, valueSize(rnd, 1), 1 + rnd.below(8));
  maps.push({ ...map, flags: rnd.below(2) * BPF_F_NO_PREALLOC, entries: someEntries(rnd, map) });
}

function percpuHash(rnd: RandomStream, maps: CaseMap[]): void {
  const map = plain(MAP_TYPE.percpu_hash, [4, 8, 5][rnd.below(3)]!, valueSize(rnd, 1), 1 + rnd.below(6));
  maps.push({ ...map, entries: someEntries(rnd, map) });
}

function lru(rnd: RandomStream, maps: CaseMap[]): void {
  const type = rnd.below(3) === 0 ? MAP_TYPE.lru_percpu_hash : MAP_TYPE.lru_hash;
  const map = plain(type, [4, 8, 16][rnd.below(3)]!, valueSize(rnd, 1), 2 + rnd.below(8));
  maps.push({ ...map, flags: rnd.below(3) === 0 ? BPF_F_NO_COMMON_LRU : 0, entries: someEntries(rnd, map) });
}

function lpm(rnd: RandomStream, maps: CaseMap[]): void {
  const dataBytes = [1, 2, 4, 4, 8, 16][rnd.below(6)]!;
  const map = plain(MAP_TYPE.lpm_trie, 4 + dataBytes, valueSize(rnd, 1), 2 + rnd.below(12));
  const entries: [Uint8Array, Uint8Array][] = [];
  for (let i = rnd.below(map.maxEntries); i > 0; i--) {
    const key = bytes(rnd, map.keySize);
    key.set([rnd.below(dataBytes * 8 + 1), 0, 0, 0]);
    if (rnd.below(2) === 0) key.fill(0, 5);
    entries.push([key, bytes(rnd, map.valueSize)]);
  }
  maps.push({ ...map, flags: BPF_F_NO_PREALLOC, entries });
}

function queue(rnd: RandomStream, maps: CaseMap[]): void {
  maps.push(plain(rnd.below(2) === 0 ? MAP_TYPE.queue : MAP_TYPE.stack, 0, valueSize(rnd, 1), 1 + rnd.below(4)));
}

function tails(_rnd: RandomStream, maps: CaseMap[]): void {
  if (!maps.some((m) => m.type === MAP_TYPE.prog_array)) maps.push(plain(MAP_TYPE.prog_array, 4, 4, 4));
}

function ringbuf(_rnd: RandomStream, maps: CaseMap[]): void {
  if (!maps.some((m) => m.type === MAP_TYPE.ringbuf)) maps.push(plain(MAP_TYPE.ringbuf, 0, 0, RINGBUF_BYTES));
}

function ofMaps(rnd: RandomStream, maps: CaseMap[]): void {
  const inner = maps.length;
  array(rnd, maps);
  const hashed = rnd.below(2) === 0;
  const map = plain(hashed ? MAP_TYPE.hash_of_maps : MAP_TYPE.array_of_maps, 4, 4, 2);
  const entries: [Uint8Array, Uint8Array][] = [[new Uint8Array(4), Uint8Array.of(inner)]];
  maps.push({ ...map, inner, entries });
}
