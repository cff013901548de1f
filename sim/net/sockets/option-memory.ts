/**
 * What a socket's filters and values take of its option memory.
 * @source net/core/filter.c sk_filter_charge; net/core/bpf_sk_storage.c bpf_sk_storage_charge
 */
import type { SocketMemory } from "../../bpf/map.ts";

/** net.core.optmem_max as Linux 6.18 boots, bytes. */
const OPTMEM_MAX = 131072;

/** sk_omem_alloc. */
export class OptionMemory implements SocketMemory {
  /** Bytes that are taken. */
  private used: number = 0;

  charge(bytes: number): boolean {
    if (this.used + bytes >= OPTMEM_MAX) return false;
    this.used += bytes;
    return true;
  }

  uncharge(bytes: number): void {
    this.used -= bytes;
  }
}
