/**
 * The kernel's printf for programs: which formats bpf_bprintf_prepare lets through and what bstr_printf makes of them.
 *
 *     %[0+- ][width](d|i|u|x|X|ld|lu|lx|lX|lld|llu|llx|llX)   %[..]c  %[..]s  %p[ks|us]  %p %pK %px %ps %pS %pB  %p[iI][46]  %%
 *
 * @source kernel/bpf/helpers.c bpf_bprintf_prepare; lib/vsprintf.c bstr_printf; compared with Linux 6.18
 * @differs %p and %pK print the address as it is, where Linux prints a hash of it; %ps, %pS and %pB print it as 0x..., for there are
 *          no symbols
 */
import type { Arena } from "../../engine/arena.ts";
import { EINVAL, ENOSPC } from "../maps/errno.ts";
import { readable, readString } from "./arena-read.ts";

/** MAX_BPRINTF_BIN_ARGS: room that all arguments of a call share, bytes. */
const BIN_BYTES = 512;

/** Arguments as pairs of words: low, high. */
export type FormatArgs = readonly number[];

interface Conversion {
  readonly left: boolean;
  readonly plus: boolean;
  readonly space: boolean;
  readonly zero: boolean;
  readonly width: number;
}

/**
 * Formats as the kernel does.
 * @param fmt the format's bytes without NUL
 * @returns the text, one character a byte, or -EINVAL for what the kernel refuses, -ENOSPC when the arguments take too much room
 */
export function formatKernel(arena: Arena, fmt: Uint8Array, args: FormatArgs): string | number {
  let out = "";
  let arg = 0;
  let room = BIN_BYTES;
  const at = (i: number): number => (i < fmt.length ? fmt[i]! : 0);
  for (let i = 0; i < fmt.length; i++) {
    const c = fmt[i]!;
    if (c !== 0x25) {
      if (!isPlain(c)) return -EINVAL;
      out += String.fromCharCode(c);
      continue;
    }
    if (at(i + 1) === 0x25) {
      out += "%";
      i++;
      continue;
    }
    if (arg >= args.length / 2) return -EINVAL;
    const lo = args[2 * arg]!;
    const hi = args[2 * arg + 1]!;
    arg++;
    i++;
    let flags = "";
    while ("0+- ".includes(String.fromCharCode(at(i))) && at(i) !== 0) flags += String.fromCharCode(at(i++));
    let digits = "";
    while (isDigit(at(i)) && (digits !== "" || at(i) !== 0x30)) digits += String.fromCharCode(at(i++));
    const conv: Conversion = {
      left: flags.includes("-"),
      plus: flags.includes("+"),
      space: flags.includes(" "),
      zero: flags.includes("0"),
      width: digits === "" ? 0 : Number(digits),
    };
    let kind = String.fromCharCode(at(i));
    if (kind === "p") {
      const next = String.fromCharCode(at(i + 1));
      if ((next === "k" || next === "u") && at(i + 2) === 0x73) {
        i += 2;
        kind = "s";
      } else {
        const ip = /[iI]/.test(next) && (at(i + 2) === 0x34 || at(i + 2) === 0x36);
        if (ip) {
          const v4 = at(i + 2) === 0x34;
          const text = ipText(arena, lo, hi, next, v4);
          if (room < (v4 ? 4 : 16)) return -ENOSPC;
          room -= text.length + 1;
          out += text; // the width is ignored: the text was made before
          i += 2;
        } else {
          const plain = at(i + 1) === 0 || isSpace(at(i + 1)) || isPunct(at(i + 1));
          if (!plain && !"KxsSB".includes(next)) return -EINVAL;
          const digitsOf = hex64(lo, hi);
          const symbol = next === "s" || next === "S" || next === "B";
          if (next === "B") {
            room -= 3 + stripZeros(digitsOf).length;
          } else {
            room = alignDown(room, 4);
            if (room < 8) return -ENOSPC;
            room -= 8;
          }
          out += symbol ? pad(`0x${stripZeros(digitsOf)}`, conv) : pointerText(digitsOf, conv);
          if (plain) continue;
          i++;
        }
        while (isAlnum(at(i + 1))) i++;
        continue;
      }
    }
    if (kind === "s") {
      const after = at(i + 1);
      if (after !== 0 && !isSpace(after) && !isPunct(after)) return -EINVAL;
      if (room === 0) return -ENOSPC;
      const bytes = readString(arena, lo, hi, room - 1);
      room -= bytes === null ? 1 : bytes.length + 1;
      out += pad(bytes === null ? "" : String.fromCharCode(...bytes), conv);
      continue;
    }
    if (kind === "c") {
      if (room === 0) return -ENOSPC;
      room--;
      out += pad(String.fromCharCode(lo & 0xff), conv);
      continue;
    }
    let wide = false;
    for (let l = 0; l < 2 && kind === "l"; l++) {
      wide = true;
      kind = String.fromCharCode(at(++i));
    }
    if (!"iduxX".includes(kind) || kind === "\0") return -EINVAL;
    room = alignDown(room, 4);
    if (room < (wide ? 8 : 4)) return -ENOSPC;
    room -= wide ? 8 : 4;
    out += numberText(lo, hi, kind, wide, conv);
  }
  return out;
}

function numberText(lo: number, hi: number, kind: string, wide: boolean, conv: Conversion): string {
  const signed = kind === "d" || kind === "i";
  const negative = signed && (wide ? hi : lo) < 0;
  let digits: string;
  if (kind === "x" || kind === "X") {
    digits = stripZeros(wide ? hex64(lo, hi) : hex64(lo, 0));
    if (kind === "X") digits = digits.toUpperCase();
  } else {
    const value = wide ? (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0) : BigInt(lo >>> 0);
    digits = String(negative ? (1n << (wide ? 64n : 32n)) - value : value);
  }
  const sign = negative ? "-" : signed && conv.plus ? "+" : signed && conv.space ? " " : "";
  if (conv.zero && !conv.left) return sign + digits.padStart(conv.width - sign.length, "0");
  return pad(sign + digits, conv);
}

function ipText(arena: Arena, lo: number, hi: number, letter: string, v4: boolean): string {
  const n = v4 ? 4 : 16;
  const from = lo >>> 0;
  const bytes = readable(arena, lo, hi, n) ? arena.u8.slice(from, from + n) : new Uint8Array(n);
  if (v4) {
    const parts = Array.from(bytes, (b) => (letter === "i" ? String(b).padStart(3, "0") : String(b)));
    return parts.join(".");
  }
  let out = "";
  for (let i = 0; i < 16; i += 2) {
    if (i > 0 && letter === "I") out += ":";
    out += bytes[i]!.toString(16).padStart(2, "0") + bytes[i + 1]!.toString(16).padStart(2, "0");
  }
  return out;
}

/** All 16 digits, unless a width says otherwise. @source lib/vsprintf.c pointer_string */
function pointerText(digits: string, conv: Conversion): string {
  if (conv.width === 0) return digits;
  const short = stripZeros(digits);
  return conv.zero && !conv.left ? short.padStart(conv.width, "0") : pad(short, conv);
}

function pad(text: string, conv: Conversion): string {
  return conv.left ? text.padEnd(conv.width) : text.padStart(conv.width);
}

function hex64(lo: number, hi: number): string {
  return (hi >>> 0).toString(16).padStart(8, "0") + (lo >>> 0).toString(16).padStart(8, "0");
}

function stripZeros(digits: string): string {
  return digits.replace(/^0+(?=.)/, "");
}

function alignDown(room: number, align: number): number {
  return room - (room % align);
}

function isPlain(c: number): boolean {
  return c >= 0x80 || (c >= 0x20 && c < 0x7f) || isSpace(c);
}

function isSpace(c: number): boolean {
  return c === 0x20 || (c >= 9 && c <= 13);
}

function isDigit(c: number): boolean {
  return c >= 0x30 && c <= 0x39;
}

function isAlnum(c: number): boolean {
  return isDigit(c) || ((c | 0x20) >= 0x61 && (c | 0x20) <= 0x7a && c < 0x80);
}

function isPunct(c: number): boolean {
  return c > 0x20 && c < 0x7f && !isAlnum(c);
}
