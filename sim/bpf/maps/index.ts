/** The registry of map types: one file each, one line each. */
import type { MapTypeDef } from "../map.ts";
import { arrayType } from "./array.ts";
import { arrayOfMapsType } from "./array-of-maps.ts";
import { bloomFilterType } from "./bloom-filter.ts";
import { cgroupArrayType } from "./cgroup-array.ts";
import { cgroupStorageType } from "./cgroup-storage.ts";
import { cgrpStorageType } from "./cgrp-storage.ts";
import { cpumapType } from "./cpumap.ts";
import { devmapType } from "./devmap.ts";
import { devmapHashType } from "./devmap-hash.ts";
import { hashType } from "./hash.ts";
import { hashOfMapsType } from "./hash-of-maps.ts";
import { lpmTrieType } from "./lpm-trie.ts";
import { lruHashType } from "./lru-hash.ts";
import { lruPercpuHashType } from "./lru-percpu-hash.ts";
import { percpuArrayType } from "./percpu-array.ts";
import { percpuCgroupStorageType } from "./percpu-cgroup-storage.ts";
import { percpuHashType } from "./percpu-hash.ts";
import { perfEventArrayType } from "./perf-event-array.ts";
import { progArrayType } from "./prog-array.ts";
import { queueType } from "./queue.ts";
import { reuseportSockarrayType } from "./reuseport-sockarray.ts";
import { ringbufType } from "./ringbuf.ts";
import { skStorageType } from "./sk-storage.ts";
import { sockhashType } from "./sockhash.ts";
import { sockmapType } from "./sockmap.ts";
import { stackType } from "./stack.ts";
import { stackTraceType } from "./stack-trace.ts";
import { taskStorageType } from "./task-storage.ts";
import { userRingbufType } from "./user-ringbuf.ts";
import { xskmapType } from "./xskmap.ts";

/** Every map type that netsim has, in the order of `enum bpf_map_type`. */
export const mapTypes: readonly MapTypeDef[] = [
  hashType,
  arrayType,
  progArrayType,
  perfEventArrayType,
  percpuHashType,
  percpuArrayType,
  stackTraceType,
  cgroupArrayType,
  lruHashType,
  lruPercpuHashType,
  lpmTrieType,
  arrayOfMapsType,
  hashOfMapsType,
  devmapType,
  sockmapType,
  cpumapType,
  xskmapType,
  sockhashType,
  cgroupStorageType,
  reuseportSockarrayType,
  percpuCgroupStorageType,
  queueType,
  stackType,
  skStorageType,
  devmapHashType,
  ringbufType,
  taskStorageType,
  bloomFilterType,
  userRingbufType,
  cgrpStorageType,
];
