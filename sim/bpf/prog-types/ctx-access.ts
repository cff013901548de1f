/**
 * Which accesses to a context the kernel accepts.
 *
 * @source net/core/filter.c bpf_skb_is_valid_access, xdp_is_valid_access; include/linux/filter.h bpf_ctx_narrow_access_ok
 */
import type { AttachKind } from "../attach-kinds.ts";
import type { CtxField, ProgTypeDef } from "../prog-type.ts";

/**
 * The field that an access touches.
 * @param off,size bytes within the context
 * @returns null when the kernel refuses the access ("invalid bpf_context access")
 */
export function ctxFieldOf(
  def: ProgTypeDef,
  attach: AttachKind | null,
  off: number,
  size: number,
  write: boolean,
): CtxField | null {
  if (off < 0 || off + size > def.ctxSize || off % size !== 0) return null;
  for (const field of def.fields) {
    if (off < field.offset || off + size > field.offset + field.size) continue;
    return allows(field, attach, off - field.offset, size, write) ? field : null;
  }
  return null;
}

/** @param off,size within the field */
function allows(field: CtxField, attach: AttachKind | null, off: number, size: number, write: boolean): boolean {
  if (field.attach !== undefined && (attach === null || !field.attach.includes(attach))) return false;
  if (write && !field.writable) return false;
  if (size < ((write ? field.minWrite : field.minRead) ?? 1)) return false;
  if (off === 0 && size === field.size) return true;
  const access = field.access ?? "whole";
  return access === "any" || (!write && (access === "narrow" || (access === "start" && off === 0)));
}
