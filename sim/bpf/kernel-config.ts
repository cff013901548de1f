/**
 * The configuration of the kernel that programs are loaded into, and how it gets into a program's `.kconfig` variables.
 * @source libbpf src/libbpf.c bpf_object__resolve_externs, set_kcfg_value_tri, set_kcfg_value_str, set_kcfg_value_num,
 *         is_kcfg_value_in_range
 */
import { objectError } from "./elf/object-error.ts";
import type { KconfigVariable, MapSpec } from "./spec.ts";

/** What a kernel says of itself. */
export interface KernelConfig {
  /** KERNEL_VERSION(a, b, c): a << 16 | b << 8 | c. */
  readonly version: number;
  /** bpf_get_attach_cookie is there. */
  readonly bpfCookie: boolean;
  /** System calls are functions of their own that take struct pt_regs, `__x64_sys_*`. */
  readonly syscallWrapper: boolean;
  /** Options as `/proc/config.gz` writes their values: `y`, `m`, `250`, `"text"`. What is not set is not there. */
  readonly options: ReadonlyMap<string, string>;
}

/** enum libbpf_tristate */
const TRISTATE: Readonly<Record<string, number>> = { n: 0, y: 1, m: 2 };

/**
 * The bytes of a `.kconfig` map for a kernel.
 * @param object the object's path, for messages
 * @param spec of a map with `kconfig`
 * @throws ObjectError EXTERN_UNRESOLVED, KCONFIG_VALUE
 */
export function kconfigBytes(object: string, spec: MapSpec, kernel: KernelConfig): Uint8Array {
  const bytes = new Uint8Array(spec.valueSize);
  for (const v of spec.kconfig ?? []) fill(object, new DataView(bytes.buffer, v.offset, v.size), v, kernel);
  return bytes;
}

function fill(object: string, to: DataView, v: KconfigVariable, kernel: KernelConfig): void {
  const value = v.name.startsWith("CONFIG_") ? kernel.options.get(v.name) : virtualValue(object, v, kernel);
  if (value === undefined) {
    if (v.weak) return;
    const fix = "declare it __weak: then it is 0 where the kernel's configuration has no such option";
    throw refuse(object, "EXTERN_UNRESOLVED", `extern '${v.name}' (strong): not resolved`, fix);
  }
  if (typeof value === "string" && TRISTATE[value] !== undefined) setTristate(object, to, v, value);
  else if (typeof value === "string" && value.startsWith('"')) setText(object, to, v, value);
  else setNumber(object, to, v, value);
}

/** Variables that libbpf fills in itself; undefined: an unknown one that is weak. */
function virtualValue(object: string, v: KconfigVariable, kernel: KernelConfig): number | undefined {
  switch (v.name) {
    case "LINUX_KERNEL_VERSION":
      return kernel.version;
    case "LINUX_HAS_BPF_COOKIE":
      return kernel.bpfCookie ? 1 : 0;
    case "LINUX_HAS_SYSCALL_WRAPPER":
      return kernel.syscallWrapper ? 1 : 0;
    default:
      if (v.weak && v.name.startsWith("LINUX_")) return undefined;
      throw refuse(
        object,
        "EXTERN_UNRESOLVED",
        `extern (kcfg) '${v.name}': unrecognized virtual extern`,
        "known: CONFIG_*, LINUX_KERNEL_VERSION, LINUX_HAS_BPF_COOKIE, LINUX_HAS_SYSCALL_WRAPPER",
      );
  }
}

function setTristate(object: string, to: DataView, v: KconfigVariable, value: string): void {
  if (v.type === "char") to.setUint8(0, value.charCodeAt(0));
  else if (v.type === "tristate") to.setUint32(0, TRISTATE[value]!, true);
  else if (v.type === "bool" && value !== "m") to.setUint8(0, TRISTATE[value]!);
  else throw mismatch(object, v, value, v.type === "bool" ? "tristate or char type" : "bool, tristate, or char type");
}

/** Text that is too long is cut, as libbpf does with a warning. */
function setText(object: string, to: DataView, v: KconfigVariable, value: string): void {
  if (v.type !== "char array") throw mismatch(object, v, value, "char array type");
  const text = new TextEncoder().encode(value.slice(1, -1)).subarray(0, v.size - 1);
  text.forEach((byte, i) => {
    to.setUint8(i, byte);
  });
}

function setNumber(object: string, to: DataView, v: KconfigVariable, value: string | number): void {
  const isOption = typeof value === "string";
  if (v.type !== "int" && v.type !== "char" && (isOption || v.type !== "bool")) {
    throw mismatch(object, v, value, isOption ? "integer type" : "integer, char, or boolean type");
  }
  const number = BigInt(value);
  const bits = BigInt(v.size * 8);
  const fits = v.signed
    ? BigInt.asUintN(64, number + (1n << (bits - 1n))) < 1n << bits
    : BigInt.asUintN(64, number) >> bits === 0n;
  if (v.size < 8 && !fits) {
    const message = `extern (kcfg) '${v.name}': value '${value}' doesn't fit in ${v.size} bytes`;
    throw refuse(object, "KCONFIG_VALUE", message, "declare it with a larger type");
  }
  for (let i = 0; i < v.size; i++) to.setUint8(i, Number(BigInt.asUintN(8, number >> BigInt(i * 8))));
}

function mismatch(object: string, v: KconfigVariable, value: string | number, implied: string): Error {
  const message = `extern (kcfg) '${v.name}': value '${value}' implies ${implied}`;
  return refuse(object, "KCONFIG_VALUE", message, "declare it with that type");
}

function refuse(object: string, code: string, message: string, fix: string): Error {
  return objectError(code, { file: object, section: ".kconfig" }, message, fix);
}
