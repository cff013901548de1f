/** The schema's building blocks. Each says in words what it expects; the words stand in errors and in the JSON Schema. */
import { z } from "zod";
import { parseIpv4, parseIpv6, parseMac, parsePrefix } from "../../bpf/btf/net-text.ts";
import { parseBitRate, parseBytes, parseDuration, parseFraction, parseSourceRate } from "../units.ts";
import type { ProgramUseDocument, RateDocument } from "./document.ts";

// a lab is read once: to compile the schemas into code, as zod does when it may, takes longer than to interpret them
z.config({ jitless: true });

/** Text or a number that a function reads. @param expected `a duration such as 10ms` */
function read<T>(expected: string, parse: (text: string) => T | null, description: string): z.ZodType<T> {
  return z
    .union([z.string(), z.number()], { error: `expected ${expected}` })
    .describe(description)
    .transform((value, ctx): T => {
      const out = parse(String(value));
      if (out !== null) return out;
      ctx.issues.push({ code: "custom", message: `expected ${expected}`, input: value });
      return z.NEVER;
    }) as unknown as z.ZodType<T>;
}

/** An object with known keys only. The message of an unknown key's issue lists the known ones; `issues.ts` reads it. */
export function object<S extends z.ZodRawShape>(shape: S): z.ZodObject<S, z.core.$strict> {
  const known = Object.keys(shape).join(", ");
  return z.strictObject(shape, {
    error: (issue) => (issue.code === "unrecognized_keys" ? known : "expected a mapping"),
  });
}

/** Any text; numbers and booleans are taken as written. */
export function text(description: string): z.ZodType<string> {
  return z
    .union([z.string(), z.number(), z.boolean()], { error: "expected text" })
    .describe(description)
    .transform(String) as unknown as z.ZodType<string>;
}

/** Text that has a form. */
export function textOf(expected: string, test: (text: string) => boolean, description: string): z.ZodType<string> {
  return z
    .string({ error: `expected ${expected}` })
    .describe(description)
    .refine(test, { error: `expected ${expected}`, abort: true });
}

/** A whole number between bounds, both included. */
export function whole(min: number, max: number, description: string): z.ZodType<number> {
  const expected = `expected a whole number from ${min} to ${max}`;
  return z.int({ error: expected }).min(min, { error: expected }).max(max, { error: expected }).describe(description);
}

/** One of a few words. */
export function oneOf<const T extends readonly [string, ...string[]]>(
  words: T,
  description: string,
): z.ZodType<T[number]> {
  return z.enum(words, { error: `expected one of: ${words.join(", ")}` }).describe(description) as unknown as z.ZodType<
    T[number]
  >;
}

/** true or false. */
export function flag(description: string): z.ZodType<boolean> {
  return z.boolean({ error: "expected true or false" }).describe(description);
}

/** A list, or one item that stands for a list of one. */
export function oneOrMore<T>(item: z.ZodType<T>, description: string): z.ZodType<readonly T[]> {
  return z
    .union([z.array(item), item], { error: "expected one entry or a list" })
    .describe(description)
    .transform((v): readonly T[] => (Array.isArray(v) ? (v as T[]) : [v as T])) as unknown as z.ZodType<readonly T[]>;
}

/** A list. */
export function list<T>(item: z.ZodType<T>, description: string): z.ZodType<readonly T[]> {
  return z.array(item, { error: "expected a list" }).describe(description);
}

/** A mapping with names of the user's own as keys. */
export function named<T>(value: z.ZodType<T>, description: string): z.ZodType<Readonly<Record<string, T>>> {
  return z.record(z.string(), value, { error: "expected a mapping" }).describe(description);
}

/** What containerlab has and netsim has no use for: accepted as it is. */
export function ignored(description: string): z.ZodType<unknown> {
  return z.unknown().describe(`${description} (containerlab; no effect here)`);
}

/** ns */
export const duration = (description: string): z.ZodType<number> =>
  read("a time with its unit, such as 10ms, 1.5s or 500us", parseDuration, description);

/** bits/s */
export const bitRate = (description: string): z.ZodType<number> =>
  read("a rate such as 10gbit or 100mbit (kbps, mbps are bytes per second, as in tc)", parseBitRate, description);

export const sourceRate = (description: string): z.ZodType<RateDocument> =>
  read("a rate with its unit, such as 10kpps or 100mbit", parseSourceRate, description);

/** bytes */
export const byteSize = (min: number, max: number, description: string): z.ZodType<number> =>
  read(
    `a size in bytes from ${min} to ${max}, such as 1500 or 9k`,
    (t) => {
      const n = parseBytes(t);
      return n === null || n < min || n > max ? null : n;
    },
    description,
  );

/** 0 to 1 */
export const fraction = (description: string): z.ZodType<number> =>
  read("a share such as 1% or 0.01", parseFraction, description);

export const mac = (description: string): z.ZodType<string> =>
  textOf("a MAC address such as 02:00:00:00:00:01", (t) => parseMac(t) !== null && t.includes(":"), description);

/** An address with its prefix length. */
export const cidr = (description: string): z.ZodType<string> =>
  textOf(
    "an address with its prefix length, such as 10.0.0.1/24",
    (t) => t.includes("/") && parsePrefix(t) !== null,
    description,
  );

export const cidr4 = (description: string): z.ZodType<string> =>
  textOf("an IPv4 address with its prefix length, such as 10.0.0.1/24", (t) => isPrefix(t, 4), description);

export const cidr6 = (description: string): z.ZodType<string> =>
  textOf("an IPv6 address with its prefix length, such as 2001:db8::1/64", (t) => isPrefix(t, 16), description);

export const address = (description: string): z.ZodType<string> =>
  textOf("an IP address", (t) => parseIpv4(t) !== null || parseIpv6(t) !== null, description);

function isPrefix(t: string, bytes: number): boolean {
  return t.includes("/") && parsePrefix(t)?.address.length === bytes;
}

/** @source net/core/dev.c dev_valid_name; IFNAMSIZ */
export function isInterfaceName(t: string): boolean {
  return t.length > 0 && t.length < 16 && t !== "." && t !== ".." && !/[/:\s]/.test(t);
}

/** Names of nodes, as containerlab and hostnames have them. */
export function isNodeName(t: string): boolean {
  return /^[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/.test(t);
}

/** Values of a program's global variables. */
export const globals: z.ZodType<Readonly<Record<string, unknown>>> = named(
  z.unknown(),
  "values of global variables (`const volatile` and others) by name, set before the object is loaded, as a skeleton's `rodata->NAME`: numbers, true or false, addresses, text, lists, fields by name, bytes as `hex:0a01`",
);

/** What a user writes for a program: `lb.o`, `lb.o:xdp_main`, or the long form. */
export const programUse = (description: string): z.ZodType<ProgramUseDocument> =>
  z
    .union(
      [
        z.string(),
        object({
          obj: text("object file, relative to the lab file, or the name of an entry of `programs`"),
          section: text("section of the program, as in `sec xdp`").optional(),
          program: text("name of the program, when its section holds several").optional(),
          pref: whole(1, 65535, "tc: preference of the filter").optional(),
          classic: flag("tc: not direct-action: the return value is a class").optional(),
          classid: text("tc: class for a classic filter's match, `1:1`").optional(),
          globals: globals.optional(),
        }),
      ],
      { error: "expected an object file (lb.o, or lb.o:PROGRAM) or a mapping with obj" },
    )
    .describe(description)
    .transform((v): ProgramUseDocument => {
      if (typeof v !== "string") return v as ProgramUseDocument;
      const colon = v.lastIndexOf(":");
      return colon > 0 ? { obj: v.slice(0, colon), program: v.slice(colon + 1) } : { obj: v };
    }) as unknown as z.ZodType<ProgramUseDocument>;
